"""How much training the networks of a study have inherited, for the sampler (`studies.samplers.front.ancestry`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Any

from studies.run.precision_variants import PRECISION
from studies.samplers.front.ancestry import Ancestry, inherited_training
from trainers.base.lineage import Lineage

RECENT = 10
"""A new training is expected to inherit as much as the median of so many latest ones: parents get better as a study goes on."""


class InheritedTraining:
    """What each training has inherited, by its parameters whatever the precision."""

    def __init__(self) -> None:
        self._of: dict[frozenset[tuple[str, Any]], float] = {}
        self._recent: deque[float] = deque(maxlen=RECENT)

    def note(self, params: Mapping[str, Any], lineage: Lineage) -> None:
        """Adds what a training has inherited."""
        value = inherited_training(lineage.epochs, lineage.share)
        self._of[_key(params)] = value
        self._recent.append(value)

    @property
    def ancestry(self) -> Ancestry:
        """The same for the sampler."""
        return Ancestry(lambda params: self._of.get(_key(params), 0.0), lambda: median(self._recent) if self._recent else 0.0)


def _key(params: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset((name, value) for name, value in params.items() if name != PRECISION)
