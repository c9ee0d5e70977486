"""What a study searches for: two or three of accuracy, CER, size, latency and FLOPs.

Decisions:
- A trade-off needs something to read well (accuracy, cer) and something to be small (size, latency, flops).
- What a file costs is known before training, so rungs compare what a training has read so far with exact costs.
- Rungs compare the character error rate where accuracy is asked for: on few epochs no line is right yet, but some
  characters are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from search_space.catalog import nearest

if TYPE_CHECKING:
    from studies.objectives.costs import Costs
    from studies.objectives.pareto import Scale

LEAST, MOST = 2, 3


class HasMetrics(Protocol):
    """Anything with the metrics that objectives read: a measurement, or a point of a front."""

    @property
    def accuracy(self) -> float: ...
    @property
    def cer(self) -> float: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def latency_ms(self) -> float: ...
    @property
    def flops(self) -> int | None: ...


@dataclass(frozen=True)
class Objective:
    """One thing to search for.

    Attributes:
        name: in a study file.
        metric: what it is called in a measurement, in Optuna and in MLflow.
        maximize: whether more is better.
        before_training: whether it is known of an architecture that has not been trained.
    """

    name: str
    metric: str
    maximize: bool = False
    before_training: bool = True

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """As Optuna writes it."""
        return "maximize" if self.maximize else "minimize"

    @property
    def scale(self) -> Scale:
        """Costs span decades, shares do not."""
        return "log" if self.before_training else "linear"

    def measured(self, measured: HasMetrics) -> float:
        """Its value of a measured file; infinite where the measurement has none."""
        value = getattr(measured, self.metric)
        return float("inf") if value is None else float(value)

    def so_far(self, cer: float, costs: Costs | None) -> float:
        """Its value of a training under way, in its own direction."""
        if self.before_training:
            value = getattr(costs, self.metric, None)
            return float("inf") if value is None else float(value)
        return 1.0 - cer if self.maximize else cer

    def minimised(self, value: float) -> float:
        """A value of it as something to make small."""
        return 1.0 - value if self.maximize else value


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("accuracy", "accuracy", maximize=True, before_training=False),
        Objective("cer", "cer", before_training=False),
        Objective("size", "size_bytes"),
        Objective("latency", "latency_ms"),
        Objective("flops", "flops"),
    )
}
"""Name to objective."""

DEFAULT = ("accuracy", "size")


def objectives_of(names: Sequence[str]) -> tuple[Objective, ...]:
    """The objectives of these names, in their order.

    Raises:
        ValueError: an unknown name with the nearest known one, too few or too many, or nothing to trade off.
    """
    for name in names:
        if name not in OBJECTIVES:
            raise ValueError(f"no objective is called '{name}'{nearest(name, list(OBJECTIVES))}")
    found = tuple(OBJECTIVES[name] for name in names)
    known = {objective.before_training for objective in found}
    if len(set(names)) < len(names) or not LEAST <= len(found) <= MOST or len(known) < 2:
        raise ValueError(
            "write two or three different objectives, at least one of accuracy, cer and one of size, latency, flops, "
            f"not {', '.join(names) or 'none'}"
        )
    return found
