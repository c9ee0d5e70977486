"""Architectures drawn from everything there is: what the size estimate and the exporter are held against."""

from collections.abc import Iterator

from search_space.architecture import Architecture
from search_space.full_space import drawn, full_space
from search_space.space import SearchSpace

__all__ = ["SYMBOLS", "drawn", "full_space", "with_each_value"]

SYMBOLS = (11, 68, 500, 3938)


def with_each_value(field: str, count: int, seed: int = 0) -> Iterator[Architecture]:
    """Architectures drawn from the full space for each value of one field, so that none of its components is missed.

    Args:
        field: of an architecture, such as "backbone".
        count: how many for each value.
        seed: the same seed draws the same ones.
    """
    choices = {**full_space().choices, "encoder_layers": (1, 2, 3, 4)}
    for value in choices[field]:
        yield from drawn(SearchSpace({**choices, field: (value,)}), seed, count)
