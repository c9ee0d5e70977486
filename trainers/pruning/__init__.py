"""Structured pruning of a trained backbone: finds groups of channels, chooses which to remove, and removes them."""
