"""The front that a running search shows is the one that it ends with."""

from __future__ import annotations

from dashboards.views.front_growth import FrontGrowth
from studies.objectives.catalog import DEFAULT, objectives_of
from trainers.base.candidate import Measurement
from trainers.base.right_lines import RightLines


def measured(right: int, size_bytes: int, finish_lines: int | None = None) -> Measurement:
    """A file that reads so many of 100 lines."""
    lines = RightLines.of("d", [at < right for at in range(100)])
    return Measurement(right / 100, 1 - right / 100, size_bytes, 1.0, 100, 100, None, lines, None, finish_lines)


def growth_of(*files: tuple[Measurement, str | None]) -> FrontGrowth:
    growth = FrontGrowth(objectives_of(DEFAULT))
    for number, (measurement, digest) in enumerate(files):
        growth.add(number, measurement, float(number), digest)
    return growth


def test_a_finished_file_replaces_a_lucky_one_of_its_training_and_no_other() -> None:
    lucky, other, finished = measured(83, 18_800), measured(82, 18_900), measured(81, 18_820, finish_lines=2000)
    growth = growth_of((lucky, "a"), (other, "b"), (finished, "a"))
    assert growth.holds(finished) and growth.holds(other) and not growth.holds(lucky)
    best = growth.best()
    assert best is not None and best[0] == 1


def test_a_file_that_reads_better_than_the_finished_one_stays() -> None:
    better, finished = measured(95, 18_800), measured(81, 18_820, finish_lines=2000)
    growth = growth_of((better, "a"), (finished, "a"))
    assert growth.holds(better) and not growth.holds(finished)
