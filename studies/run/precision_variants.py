"""Precision variants: architectures that differ in precision alone. One training gives all, since weights are stored last.

Where a study leaves `precision` open, a training that ends is stored, measured and recorded in each of its precisions: several
candidates for the epochs of one. A variant of what is in training, or was stopped, is not trained a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from search_space.architecture import Architecture
from search_space.space import Choice, SearchSpace
from studies.run.seen_architectures import Seen, SeenArchitectures
from studies.storage.outcomes import Failed, Running, Stopped

PRECISION = "precision"
"""The field of an architecture that costs no training."""


class PrecisionVariants:
    """Knows the precision variants of an architecture.

    Args:
        space: its open precisions count.
        enabled: False trains every precision for itself, and nothing has variants.
    """

    def __init__(self, space: SearchSpace, enabled: bool) -> None:
        is_open = enabled and PRECISION in space.open_fields
        self.precisions = tuple(str(choice) for choice in space.choices[PRECISION]) if is_open else ()

    def of(self, architecture: Architecture) -> Iterator[Architecture]:
        """All others that the same training gives."""
        for precision in self.precisions:
            if precision != architecture.precision:
                yield architecture.with_(precision=precision)

    def params(self, params: Mapping[str, Choice]) -> list[Mapping[str, Choice]]:
        """The parameters of a trial in every precision, its own included."""
        return [{**params, PRECISION: precision} for precision in self.precisions] or [params]

    def known(self, architecture: Architecture, seen: SeenArchitectures) -> Seen | None:
        """What is known of an architecture: its own entry, or that of a variant whose training decides over it, too."""
        own = seen.get(architecture.digest)
        if own is not None:
            return own
        others = (seen.get(other.digest) for other in self.of(architecture))
        return next((s for s in others if s is not None and isinstance(s.outcome, Running | Stopped | Failed)), None)
