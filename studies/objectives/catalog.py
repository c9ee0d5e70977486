"""Catalog of objectives: a file in this folder, or an installed package with an entry point `paretext.objective`.

`docs/extending-objectives.md` adds one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from search_space.catalog import Catalog
from studies.objectives.objective import Objective

objectives: Catalog[Callable[[], Objective]] = Catalog("objective", "studies.objectives")
"""Name to a function that returns the objective."""

DEFAULT = ("accuracy", "size")
"""What a study searches for unless it says otherwise."""

LEAST, MOST = 2, 3
"""How many objectives a study may have: one is no trade-off, and exact hypervolume improvement covers up to three."""


def objectives_of(names: Sequence[str]) -> tuple[Objective, ...]:
    """The objectives of these names, in their order.

    Raises:
        ValueError: an unknown name with the nearest known one, too few or too many, or nothing to trade off.
    """
    found = tuple(objectives[name]() for name in names)
    known = {objective.before_training for objective in found}
    if len(set(names)) < len(names) or not LEAST <= len(found) <= MOST or len(known) < 2:
        raise ValueError(
            "write two or three different objectives, at least one that training improves (accuracy, cer) and one that is "
            f"known before training (size, parameters, flops, latency), not {', '.join(names) or 'none'}"
        )
    return found
