"""Checks of labelled lines, to find faults before a model is trained on them."""
