"""What an objective is: a name, a function of the measurement, and a direction.

Decisions:
- The cost of a file is known before training, so a rung compares the error so far together with exact costs.
- At a rung, objectives that training improves are replaced by the character error rate: after few epochs no line is right
  yet, but some characters are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from studies.objectives.costs import Costs
    from studies.objectives.pareto import Scale


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
    def parameters(self) -> int: ...
    @property
    def flops(self) -> int | None: ...


@dataclass(frozen=True)
class Objective:
    """One thing to search for.

    Attributes:
        name: in a study file.
        metric: what Optuna calls it; without a `function`, the metric of the measurement that it is.
        maximize: whether more is better.
        before_training: whether it is known of an architecture that has not been trained.
        scale: how values are compared: "log" for costs, which span decades, "linear" for fractions.
        requires: metrics that the `function` reads; before training only `size_bytes`, `parameters`, `flops`, `latency_ms`.
        function: computes the value from a measurement, or from the costs of an architecture if it is known before
            training. None takes the metric as it is.
        best_value: the best value that it can have, such as 1 for an accuracy: what regressions promise beyond it is no
            improvement. None where there is none, or on a logarithmic scale.
    """

    name: str
    metric: str
    maximize: bool = False
    before_training: bool = True
    scale: Scale = "log"
    requires: tuple[str, ...] = ()
    function: Callable[[Any], float] | None = None
    best_value: float | None = None

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """As Optuna writes it."""
        return "maximize" if self.maximize else "minimize"

    @property
    def reads(self) -> tuple[str, ...]:
        """The metrics that its value depends on."""
        return self.requires if self.function is not None else (self.metric,)

    def measured(self, measurement: HasMetrics) -> float:
        """Its value of a measured file; infinite where a metric that it reads is missing."""
        return self._value(measurement)

    def at_rung(self, cer: float, costs: Costs | None) -> float:
        """Its value of a training that has reached a rung, in its own direction.

        Args:
            cer: character error rate at the rung.
            costs: of the architecture; None where they are not known.
        """
        if self.before_training:
            return self._value(costs)
        return 1.0 - cer if self.maximize else cer

    def to_minimize(self, value: float) -> float:
        """A value of it turned so that less is better; fractions stay fractions."""
        return 1.0 - value if self.maximize else value

    def _value(self, source: HasMetrics | Costs | None) -> float:
        if any(getattr(source, metric, None) is None for metric in self.reads):
            return float("inf")
        return float(getattr(source, self.metric) if self.function is None else self.function(source))
