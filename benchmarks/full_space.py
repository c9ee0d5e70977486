"""Architectures drawn from everything there is: what the size estimate and the exporter are held against."""

from search_space.full_space import drawn, full_space

__all__ = ["SYMBOLS", "drawn", "full_space"]

SYMBOLS = (11, 68, 500, 3938)
