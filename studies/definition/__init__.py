"""The study file: its sections, defaults and validation."""
