"""What a person looks at: live tables, plots, reports."""
