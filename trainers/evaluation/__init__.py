"""Metrics, validation of a network, and measurement of an exported file."""
