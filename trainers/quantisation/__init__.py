"""Adapts the weights of a trained network to the rounding of a coded file."""
