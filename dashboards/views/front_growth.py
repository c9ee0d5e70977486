"""The front of a search as it grows: its files, and the hypervolume each time that a file joined it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dashboards.views.console import accuracy_words
from dashboards.views.metrics import column_of
from studies.objectives.pareto import dominates, hypervolume
from trainers.evaluation.uncertainty import reads_as_well

if TYPE_CHECKING:
    from studies.objectives.objective import Objective
    from trainers.base.candidate import Measurement

Point = tuple[float, ...]
"""The values of a file in all objectives, to be minimised."""


@dataclass(frozen=True)
class Joined:
    """A file that joined the front.

    Attributes:
        trial: its number; None for files of earlier runs.
        at_s: when, on the clock of the view.
        front: the front with it.
    """

    trial: int | None
    at_s: float
    front: tuple[Point, ...]


class FrontGrowth:
    """The front of all files that a search has measured.

    Args:
        objectives: of the study.

    Attributes:
        measured: every file that reads, with the number of its trial, in the order in which they were measured.
        steps: every time that a file joined the front.
    """

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self.objectives = tuple(objectives)
        self.measured: list[tuple[int | None, Measurement]] = []
        self.steps: list[Joined] = []
        self._points: list[Point] = []
        self._volumes: list[float] = []
        self._digests: list[str | None] = []

    def add(self, trial: int | None, measurement: Measurement, at_s: float, digest: str | None = None) -> bool:
        """Adds a measured file; returns whether it joined the front. One that does not read is not added.

        Args:
            trial: its number; None for a file of an earlier run.
            measurement: of the file.
            at_s: when, on the clock of the view.
            digest: of its training in its precision; a file after a finish replaces those of before.
        """
        if not measurement.reads:
            return False
        if measurement.finish_lines and digest is not None:
            self._replace(digest, measurement)
        self._digests.append(digest)
        point, front = self.point(measurement), self.front
        self.measured.append((trial, measurement))
        self._points.append(point)
        self._volumes = []
        if point in front or any(dominates(other, point) for other in front):
            return False
        self.steps.append(Joined(trial, at_s, (*(other for other in front if not dominates(point, other)), point)))
        return True

    def _replace(self, digest: str, after: Measurement) -> None:
        """Removes the files of a training that a finish has replaced (`studies.storage.pareto_front.current`)."""
        kept = [
            at
            for at, (_, before) in enumerate(self.measured)
            if self._digests[at] != digest or before.finish_lines or not reads_as_well(after, before)
        ]
        self.measured, self._digests = [self.measured[at] for at in kept], [self._digests[at] for at in kept]
        points = {self.point(measurement) for _, measurement in self.measured}
        left = tuple(point for point in points if not any(dominates(other, point) for other in points))
        if self.steps:
            self.steps[-1] = replace(self.steps[-1], front=left)

    @property
    def front(self) -> tuple[Point, ...]:
        """The points on the front."""
        return self.steps[-1].front if self.steps else ()

    def holds(self, measurement: Measurement) -> bool:
        """Whether a file is on the front."""
        return measurement.reads and self.point(measurement) in self.front

    def point(self, measurement: Measurement) -> Point:
        """The values of a file in all objectives, to be minimised."""
        return tuple(objective.to_minimize(objective.measured(measurement)) for objective in self.objectives)

    def volumes(self) -> list[float]:
        """The hypervolume at each step, up to the worst values that were measured; costs count by their logarithms."""
        if self._volumes:
            return self._volumes
        finite = [self._scaled(point) for point in self._points if all(map(math.isfinite, point))]
        if finite:
            worst = [max(values) + 1e-3 for values in zip(*finite, strict=True)]
            self._volumes = [hypervolume([self._scaled(point) for point in step.front], worst) for step in self.steps]
        return self._volumes

    def best(self) -> tuple[int | None, Measurement] | None:
        """The best file in the first objective, of equally good ones the best in the others; None while nothing reads."""
        return min(self.measured, key=lambda pair: self.point(pair[1]), default=None)

    def _scaled(self, point: Point) -> Point:
        pairs = zip(point, self.objectives, strict=True)
        return tuple(math.log(max(value, 1e-12)) if objective.scale == "log" else value for value, objective in pairs)


def values_in_words(measurement: Measurement, objectives: Sequence[Objective]) -> str:
    """The values of a file: `accuracy 97.6 % (95.8-98.6), 125KB`; the first with its name, others where it is not plain."""
    words: list[str] = []
    for objective in objectives:
        column, value = column_of(objective), objective.measured(measurement)
        if not math.isfinite(value):
            continue
        written = accuracy_words(value, measurement.lines) if objective.name == "accuracy" else column.write(value)
        named = not words or objective.name not in ("size", "latency")
        words.append(f"{column.heading} {written}" if named else written)
    return ", ".join(words)
