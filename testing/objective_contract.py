"""Tests that every objective must pass; inherit `ObjectiveContract` and say how an objective is made."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from types import SimpleNamespace

from studies.objectives.costs import Costs
from studies.objectives.objective import Objective
from trainers.base.candidate import Measurement

MEASURED = Measurement(
    accuracy=0.9, cer=0.02, size_bytes=200_000, latency_ms=1.5, parameters=180_000, lines=100, flops=40_000_000
)
BETTER = replace(MEASURED, accuracy=0.95, cer=0.01)
"""Reads better and costs the same."""
SMALLER = replace(MEASURED, size_bytes=100_000, latency_ms=0.7, parameters=90_000, flops=20_000_000)
"""Costs less and reads as well."""
COSTS = Costs(MEASURED.size_bytes, MEASURED.parameters, MEASURED.flops, MEASURED.latency_ms)
"""What the measured file costs, as it is known before training."""


class ObjectiveContract:
    """Override `make`."""

    def make(self) -> Objective:
        """The objective."""
        raise NotImplementedError

    def test_a_complete_measurement_has_a_finite_value(self) -> None:
        assert math.isfinite(self.make().measured(MEASURED))

    def test_it_reads_metrics_that_exist_and_no_others(self) -> None:
        objective = self.make()
        known = {field.name for field in fields(Costs if objective.before_training else Measurement)}
        assert objective.reads and set(objective.reads) <= known
        few = SimpleNamespace(**{metric: getattr(MEASURED, metric) for metric in objective.reads})
        assert objective.measured(few) == objective.measured(MEASURED)

    def test_a_function_has_a_metric_of_its_own(self) -> None:
        objective = self.make()
        assert (objective.function is None) == (objective.metric in {field.name for field in fields(Measurement)})

    def test_a_missing_metric_is_infinite(self) -> None:
        objective = self.make()
        missing = SimpleNamespace(**dict.fromkeys(objective.reads))
        assert objective.measured(missing) == math.inf

    def test_a_file_that_is_better_in_all_is_better_in_it(self) -> None:
        objective = self.make()
        worse, better = MEASURED, SMALLER if objective.before_training else BETTER
        assert objective.to_minimize(objective.measured(better)) < objective.to_minimize(objective.measured(worse))

    def test_before_training_it_has_the_value_of_the_file(self) -> None:
        objective = self.make()
        if objective.before_training:
            assert objective.at_rung(0.5, COSTS) == objective.measured(MEASURED) > 0

    def test_what_training_improves_is_a_fraction_on_a_linear_scale(self) -> None:
        objective = self.make()
        if not objective.before_training:
            assert 0 <= objective.measured(MEASURED) <= 1 and objective.scale == "linear"
            assert objective.to_minimize(objective.at_rung(0.25, None)) == 0.25
