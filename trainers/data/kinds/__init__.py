"""Kinds of data sources, one file each: what they look like, and how their lines are read."""
