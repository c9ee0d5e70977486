"""An epoch shows few lines several times and many lines in parts, and a pass in parts misses none."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.base.recipe import RECIPES, Recipe
from trainers.batching.batch_planner import BatchPlanner
from trainers.batching.epoch_length import EpochLength

BOUNDED = Recipe(min_epoch_lines=200, max_epoch_lines=400)


@pytest.mark.parametrize(
    ("lines", "passes", "parts"), [(1, 200, 1), (30, 7, 1), (199, 2, 1), (200, 1, 1), (400, 1, 1), (401, 1, 2), (10_000, 1, 25)]
)
def test_the_length_of_an_epoch(lines: int, passes: int, parts: int) -> None:
    length = EpochLength.of(BOUNDED, lines)
    assert (length.passes, length.parts) == (passes, parts)
    assert 200 <= length.lines(lines) <= 400


def test_without_bounds_an_epoch_shows_each_line_once() -> None:
    assert [EpochLength.of(Recipe(), n) for n in (1, 300, 100_000)] == [EpochLength()] * 3


def _planner(lines: int) -> BatchPlanner:
    return BatchPlanner(np.random.default_rng(0).integers(40, 400, lines), 200, 8)


def _shown(planner: BatchPlanner, length: EpochLength, epoch: int) -> list[int]:
    batches = length.batches(planner, 7, epoch, np.random.default_rng([7, epoch]))
    return [line for batch in batches for sample in batch.samples for line in sample]


def test_the_parts_of_a_pass_are_the_whole_set() -> None:
    planner, length = _planner(1000), EpochLength.of(BOUNDED, 1000)
    assert length.parts == 3
    passes = [[_shown(planner, length, 3 * number + part) for part in range(3)] for number in range(2)]
    for parts in passes:
        assert sorted({line for part in parts for line in part}) == list(range(1000))
        assert all(250 < len(part) < 420 for part in parts)
    assert passes[0] != passes[1], "the next pass has another order"


def test_a_pass_is_planned_once_for_all_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    planner, length, planned = _planner(1000), EpochLength.of(BOUNDED, 1000), list[int]()
    plan = BatchPlanner.plan
    monkeypatch.setattr(BatchPlanner, "plan", lambda self, rng: planned.append(1) or plan(self, rng))
    epochs = [_shown(planner, length, epoch) for epoch in range(6)]
    assert len(planned) == 2
    assert epochs == [_shown(_planner(1000), length, epoch) for epoch in range(6)], "as a training that resumes plans them"


def test_few_lines_are_shown_several_times_in_different_orders() -> None:
    planner, length = _planner(50), EpochLength.of(BOUNDED, 50)
    shown = _shown(planner, length, 0)
    assert [shown.count(line) for line in range(50)] == [4] * 50
    assert shown[:50] != shown[50:100]


def test_the_default_recipe_does_not_depend_on_the_number_of_epochs() -> None:
    recipe = RECIPES["anytime"]
    assert recipe.is_anytime and not recipe.flat_start
    assert [recipe.learning_rate_at(3.5, epochs) for epochs in (4, 40)] == [recipe.learning_rate] * 2
    assert recipe.learning_rate_at(0.25, 1) == recipe.learning_rate / 2
