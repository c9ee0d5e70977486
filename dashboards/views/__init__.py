"""Output for users: live tables, plots and reports."""
