"""Runs a search: the driver loop, the proposer, the trial recorder, and what watches them."""
