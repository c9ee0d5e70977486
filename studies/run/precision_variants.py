"""Precision variants: configurations that differ in precision alone. One training gives all, since weights are stored last.

Where a study leaves `precision` open, a training that ends is stored, measured and recorded in each of its precisions: several
candidates for the epochs of one. A variant of what is in training, or was stopped, is not trained a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from studies.definition.configuration import Configuration
from studies.definition.joint_space import Choices, Value
from studies.run.seen_architectures import Seen, SeenArchitectures
from studies.storage.outcomes import Failed, Running, Stopped

PRECISION = "precision"
"""The field of an architecture that costs no training."""


class PrecisionVariants:
    """Knows the precision variants of a configuration.

    Args:
        space: its open precisions count.
        enabled: False trains every precision for itself, and nothing has variants.
    """

    def __init__(self, space: Choices, enabled: bool) -> None:
        is_open = enabled and PRECISION in space.open_fields
        self.precisions = tuple(str(choice) for choice in space.choices[PRECISION]) if is_open else ()

    def of(self, configuration: Configuration) -> Iterator[Configuration]:
        """All others that the same training gives."""
        for precision in self.precisions:
            if precision != configuration.architecture.precision:
                yield configuration.with_(precision=precision)

    def params(self, params: Mapping[str, Value]) -> list[Mapping[str, Value]]:
        """The parameters of a trial in every precision, its own included."""
        return [{**params, PRECISION: precision} for precision in self.precisions] or [params]

    def known(self, configuration: Configuration, seen: SeenArchitectures) -> Seen | None:
        """What is known of a configuration: its own entry, or that of a variant whose training decides over it, too."""
        own = seen.get(configuration.digest)
        if own is not None:
            return own
        others = (seen.get(other.digest) for other in self.of(configuration))
        return next((s for s in others if s is not None and isinstance(s.outcome, Running | Stopped | Failed)), None)
