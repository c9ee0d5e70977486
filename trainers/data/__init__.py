"""Labelled text lines: data sources, checks, splits, and the cache of decoded lines."""
