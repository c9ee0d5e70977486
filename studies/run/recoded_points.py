"""Makes smaller files of a study's trainings when one is promoted: to fit a size limit, or to take as few bytes as it can.

Decisions:
- Nothing is trained and nothing is written into the study, which a search may be running at the same time. The new file is kept
  beside the models of the study, under a name that no trial has.
- The weights come from the largest file of a training: the larger, the less they have been rounded.
- The validation lines choose among trainings, as they do in a search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studies.run.preparation import data_spec
from studies.storage.front_point import FrontPoint
from studies.storage.pareto_front import load_store, pareto_front, pick
from studies.workspace.paths import Workspace
from trainers.base.candidate import Measurement
from trainers.base.errors import UserError
from trainers.trial.training_record import write_record_again

if TYPE_CHECKING:
    from trainers.data.arrays import LineArrays
    from trainers.export.rate_control import CodedFile
    from trainers.trial.recoding import Recoding

MOST_TRIED = 8
"""Trainings that are coded to fit a size, the most accurate first: each takes about eight times as long as an export."""
SUFFIX = "-recoded.onnx"
"""End of the name of a new file."""


def point_within(workspace: Workspace, name: str, points: list[FrontPoint], limit_bytes: int) -> FrontPoint:
    """The most accurate file within a size: one of the study or, if none fits, a training of its front that is coded to fit.

    Args:
        workspace: where the study is.
        name: of the study.
        points: all its measured candidates.
        limit_bytes: most bytes of the file.

    Raises:
        UserError: nothing reads yet, or nothing fits and no training that is coded to fit reads.
    """
    try:
        return pick(points, limit_bytes, name=f"study '{name}'")
    except UserError as nothing_fits:
        reading = [point for point in points if point.reads]
        if not reading:
            raise
        coded = _Recoder(workspace, name, points)
        made = [point for point in coded.within(_trainings(reading), limit_bytes) if point.reads]
        if not made:
            raise UserError(f"{nothing_fits}, and no training of its front reads if it is coded to fit") from None
        return max(made, key=lambda point: (point.accuracy, -point.size_bytes))


def smaller_point(
    workspace: Workspace, name: str, points: list[FrontPoint], point: FrontPoint, loss: float | None
) -> FrontPoint:
    """A training in as few bytes as a loss of accuracy allows.

    Args:
        workspace, name, points: as for `point_within`.
        point: a file of the training.
        loss: fraction of the validation lines that may be read worse, in [0, 1]; None: none that McNemar's test sees.

    Returns:
        The new file; `point` where that is not larger.

    Raises:
        UserError: its file or the validation lines cannot be read.
    """
    made = _Recoder(workspace, name, points).within_loss(point, loss)
    return point if made is None or made.size_bytes >= point.size_bytes else made


def _trainings(points: Sequence[FrontPoint]) -> list[FrontPoint]:
    """A file of each training on the front, the most accurate first."""
    front = sorted(pareto_front(points), key=lambda point: (-point.accuracy, point.size_bytes))
    return list({_training(point): point for point in reversed(front)}.values())[::-1][:MOST_TRIED]


def _training(point: FrontPoint) -> tuple[str, int | None]:
    """What the files of one training have in common."""
    return point.configuration.with_(precision="fp32").digest, point.epochs_trained


class _Recoder:
    """Codes trainings of one study again."""

    def __init__(self, workspace: Workspace, name: str, points: Sequence[FrontPoint]) -> None:
        self._workspace, self._name, self._points = workspace, name, points
        self._lines: dict[int, LineArrays] = {}

    def within(self, trainings: Sequence[FrontPoint], limit_bytes: int) -> Iterator[FrontPoint]:
        """Each training coded to fit a size; those that cannot are left out."""
        from trainers.trial.recoding import Recoding

        for point in trainings:
            source = self._source(point)
            recoding = Recoding(Path(source.model))
            file = recoding.within_size(limit_bytes)
            if file is not None:
                yield self._point(source, recoding, file)

    def within_loss(self, point: FrontPoint, loss: float | None) -> FrontPoint | None:
        """A training coded as coarsely as a loss allows; None if no step is coarse enough for it to matter."""
        from trainers.trial.recoding import Recoding

        source = self._source(point)
        recoding = Recoding(Path(source.model))
        file = recoding.within_loss(self._lines_of(source), loss)
        return None if file is None or len(file.data) >= point.size_bytes else self._point(source, recoding, file)

    def _source(self, point: FrontPoint) -> FrontPoint:
        """The largest file that the training of a file has, after its finish where it had one."""
        same = [other for other in self._points if _training(other) == _training(point) and Path(other.model).is_file()]
        return max(same, key=lambda other: (other.size_bytes, bool(other.finish_lines)), default=point)

    def _lines_of(self, point: FrontPoint) -> LineArrays:
        """The validation lines of the study, at the height of a file."""
        from trainers.data.open_datasets import prepare_once

        height_px = int(point.architecture["height_px"])
        if height_px not in self._lines:
            study = load_store(self._workspace, self._name).study
            self._lines[height_px] = prepare_once(data_spec(study, height_px), self._workspace.cache).validation
        return self._lines[height_px]

    def _point(self, source: FrontPoint, recoding: Recoding, file: CodedFile) -> FrontPoint:
        """Writes and measures a new file."""
        digest = source.configuration.with_(precision=file.precision).digest
        path = self._workspace.models / self._name / f"{source.trial:05d}-{digest}{SUFFIX}"
        candidate = recoding.candidate(file, path, self._lines_of(source), _measurement(source))
        write_record_again(path, Path(source.model), file.precision)
        return FrontPoint.of(
            source.trial,
            candidate.measurement,
            candidate.architecture.as_dict(),
            candidate.model,
            epochs_trained=source.epochs_trained,
            epochs=source.epochs,
            recipe=source.recipe,
            searched=source.searched,
        )


def _measurement(point: FrontPoint) -> Measurement:
    """What is known of the file that another one is made from."""
    return Measurement(
        accuracy=point.accuracy,
        cer=point.cer,
        size_bytes=point.size_bytes,
        latency_ms=point.latency_ms,
        parameters=point.parameters,
        lines=point.validation_lines,
        flops=point.flops,
    )


def how_it_was_made(point: FrontPoint) -> str:
    """One line for the user about a file that was coded anew; empty for a file of the study."""
    if not point.model.endswith(SUFFIX):
        return ""
    return f"stored anew as {point.architecture['precision']}"
