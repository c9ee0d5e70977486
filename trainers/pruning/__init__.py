"""Cutting channels out of a trained backbone: what can go, how much each layer bears, and what is left."""
