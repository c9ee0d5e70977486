"""Precision variants: architectures that differ in precision alone. One training gives all, since weights are stored last.

Where a study leaves `precision` open, a training that ends is stored, measured and recorded in each of its precisions: as
many points for the epochs of one. A sibling of what trains, or has been stopped, is not trained a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from search_space.architecture import Architecture
from search_space.space import Choice, SearchSpace
from studies.run.seen_architectures import Entry, SeenArchitectures

PRECISION = "precision"


class PrecisionVariants:
    """Knows the variants of an architecture.

    Args:
        space: its open precisions count.
        shared: False: every precision is trained for itself, and nothing has variants.
    """

    def __init__(self, space: SearchSpace, shared: bool) -> None:
        is_open = shared and PRECISION in space.open_fields
        self.precisions = tuple(str(choice) for choice in space.choices[PRECISION]) if is_open else ()

    def of(self, architecture: Architecture) -> Iterator[Architecture]:
        """All others that the same training gives."""
        for precision in self.precisions:
            if precision != architecture.precision:
                yield architecture.with_(precision=precision)

    def params(self, params: Mapping[str, Choice]) -> list[Mapping[str, Choice]]:
        """The same for the parameters of a trial, these among them."""
        return [{**params, PRECISION: precision} for precision in self.precisions] or [params]

    def twin(self, architecture: Architecture, seen: SeenArchitectures) -> Entry | None:
        """What is known of an architecture: its own entry, or that of a sibling whose training decides over it, too."""
        entry = seen.get(architecture.digest)
        if entry is not None:
            return entry
        entries = (seen.get(other.digest) for other in self.of(architecture))
        return next((e for e in entries if e is not None and e.fate in ("running", "stopped", "failed")), None)
