"""Labelled text lines: where they come from, how they are checked, and how they lie ready for training."""
