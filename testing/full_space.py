"""The search space of every registered component, and architectures drawn from it at random.

Tests and benchmarks check with random draws that every architecture of it can be built, trained and exported, and that its size
is estimated correctly. No study uses it: a study lists its own choices.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import islice

from search_space.architecture import Architecture, RefusedArchitecture
from search_space.backbones._timm_checked import CHECKED
from search_space.rules import CATALOGS, PRECISIONS
from search_space.space import Choice, SearchSpace

GRIDS: dict[str, tuple[Choice, ...]] = {
    "width_percent": (25, 35, 50, 60, 75, 90, 100, 125),
    "encoder_hidden": (24, 48, 64, 96, 120),
    "encoder_layers": (1, 2),
    "head_rank": (16, 32, 48, 64, 96),
    "height_px": (32, 48, 64),
    "time_stride": (4, 8, 12),
    "precision": PRECISIONS,
}
"""Values of the numeric fields. Pruning is left out, because it changes nothing before training."""

SYMBOL_COUNTS = (11, 68, 500, 3938)
"""Charset sizes for which file sizes are estimated: digits, letters, a medium charset, and that of the published models."""


def full_space(timm_models: Sequence[str] = CHECKED) -> SearchSpace:
    """Every component of every catalog, with the grids that a study would use.

    Args:
        timm_models: timm models in addition to our own backbones.
    """
    choices: dict[str, tuple[Choice, ...]] = {field: tuple(catalog.choices()) for field, catalog in CATALOGS.items()}
    own = [name for name in choices["backbone"] if name != "timm"]
    choices["backbone"] = (*own, *(f"timm/{name}" for name in timm_models))
    return SearchSpace(choices | GRIDS)


def draws(space: SearchSpace, seed: int) -> Iterator[Architecture | RefusedArchitecture]:
    """Draws random combinations without end. Yields an architecture, or the refusal of a combination that cannot be built.

    Args:
        space: search space. Our own backbones are drawn as often as all timm models together.
        seed: seed of the draws.
    """
    generator = random.Random(seed)

    def choose(field: str, choices: Sequence[Choice]) -> Choice:
        if field == "backbone":
            own = [name for name in choices if not str(name).startswith("timm/")]
            rest = [name for name in choices if name not in own]
            choices = own if own and (not rest or generator.random() < 0.5) else rest
        return generator.choice(choices)

    while True:
        try:
            yield space.sample(choose)
        except RefusedArchitecture as refused:
            yield refused


def drawn(space: SearchSpace, seed: int, count: int | None = None) -> Iterator[Architecture]:
    """Draws random architectures; combinations that are refused are skipped.

    Args:
        space: search space.
        seed: seed of the draws.
        count: number of architectures; None draws without end.
    """
    return islice((one for one in draws(space, seed) if isinstance(one, Architecture)), count)


def with_each_value(field: str, count: int, seed: int = 0) -> Iterator[Architecture]:
    """Draws architectures for each value of one field, so that none of its components is missed.

    Args:
        field: of an architecture, such as "backbone".
        count: architectures for each value.
        seed: the same seed draws the same architectures.
    """
    choices = {**full_space().choices, "encoder_layers": (1, 2, 3, 4)}
    for value in choices[field]:
        yield from drawn(SearchSpace({**choices, field: (value,)}), seed, count)
