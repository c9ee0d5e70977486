"""Makes smaller files of a study's trainings when one is promoted: to fit a size limit, or to take as few bytes as it can.

Decisions:
- Nothing is trained and nothing is written into the study, which a search may be running at the same time. The new file is kept
  beside the models of the study, under a name that no trial has.
- The weights come from files: from the largest one that the finish of the training has made for fine steps, from the largest
  one without a finish, and from each with a coarse step, whose weights its own finish has adapted to about that step. The
  larger a file, the less its weights have been rounded.
- The validation lines choose among them, as they do in a search. What is lost is lost against the file that was chosen, and a
  file that the study has already counts as well.
- Only the file that is chosen is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from search_space.coded_precision import is_coarse
from search_space.units import write_size
from studies.run.preparation import data_spec
from studies.storage.front_point import FrontPoint
from studies.storage.pareto_front import load_store, pareto_front, pick
from studies.workspace.paths import Workspace
from trainers.base.candidate import Measurement
from trainers.base.errors import UserError
from trainers.trial.training_record import record_file, write_record_again

if TYPE_CHECKING:
    from trainers.data.arrays import LineArrays
    from trainers.export.rate_control import CodedFile
    from trainers.trial.recoding import Recoding

MOST_TRIED = 16
"""Files that are coded to fit a size, those of the most accurate trainings first: each takes some seconds."""
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
        with _Recoder(workspace, name, points) as coder:
            made = list(coder.within(_trainings(reading), limit_bytes))
            chosen = max(
                (each for each in made if each.reads), key=lambda each: (each.accuracy, -each.size_bytes), default=None
            )
            coder.keep_only(chosen)
        if chosen is not None:
            return chosen
        if made:
            raise UserError(f"{nothing_fits}, and no training of its front reads if it is coded to fit") from None
        least = f"; the smallest file of one takes {write_size(coder.least_bytes)}"
        raise UserError(f"{nothing_fits}, and no training of its front can be coded to fit{least}") from None


def smaller_point(
    workspace: Workspace, name: str, points: list[FrontPoint], point: FrontPoint, loss: float | None
) -> FrontPoint:
    """A training in as few bytes as a loss of accuracy allows.

    Args:
        workspace, name, points: as for `point_within`.
        point: a file of the training.
        loss: fraction of the validation lines that may be read worse, in [0, 1]; None: none that McNemar's test sees.

    Returns:
        The new file, or a file that the study has of the training; `point` where nothing is smaller.

    Raises:
        UserError: its file or the validation lines cannot be read.
    """
    known = [other for other in points if _training(other) == _training(point) and _reads_as_well(other, point, loss)]
    with _Recoder(workspace, name, points) as coder:
        chosen = min([point, *known, *coder.within_loss(point, loss)], key=lambda each: (each.size_bytes, -each.accuracy))
        coder.keep_only(chosen)
    return chosen


def _reads_as_well(other: FrontPoint, point: FrontPoint, loss: float | None) -> bool:
    """Whether a measured file loses no more against another one than is allowed."""
    if other.validation_lines != point.validation_lines or not Path(other.model).is_file():
        return False
    if loss is None:
        return other.right_lines is not None and (other.accuracy >= point.accuracy or other.same_as(point) is not None)
    return point.accuracy - other.accuracy <= loss + 1e-9


def _trainings(points: Sequence[FrontPoint]) -> list[FrontPoint]:
    """A file of each training on the front, the most accurate first."""
    front = sorted(pareto_front(points), key=lambda point: (-point.accuracy, point.size_bytes))
    first = dict[tuple[str, int | None], FrontPoint]()
    for point in front:
        first.setdefault(_training(point), point)
    return list(first.values())[:MOST_TRIED]


def _training(point: FrontPoint) -> tuple[str, int | None]:
    """What the files of one training have in common."""
    return point.configuration.with_(precision="fp32").digest, point.epochs_trained


class _Recoder:
    """Codes trainings of one study again. As a context manager, it deletes what it made if the block is interrupted."""

    def __init__(self, workspace: Workspace, name: str, points: Sequence[FrontPoint]) -> None:
        self._workspace, self._name, self._points = workspace, name, points
        self._lines: dict[int, LineArrays] = {}
        self._new: set[Path] = set()
        self.least_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.keep_only(None)

    def within(self, trainings: Sequence[FrontPoint], limit_bytes: int) -> Iterator[FrontPoint]:
        """Each training coded to fit a size, from each of its sources; what cannot be is left out.

        Sets `least_bytes`: bytes of the smallest file that one of them can be coded to, where some cannot.
        """
        sources = [source for point in trainings for source in self._sources(point)]
        for source, recoding in self._recodings(sources[:MOST_TRIED]):
            file = recoding.within_size(limit_bytes)
            if file is not None:
                yield self._point(source, recoding, file)
            else:
                least = recoding.least_bytes
                self.least_bytes = min(self.least_bytes or least, least)

    def within_loss(self, point: FrontPoint, loss: float | None) -> Iterator[FrontPoint]:
        """A training coded as coarsely as a loss against one of its files allows, from each of its sources."""
        from trainers.trial.recoding import right

        lines = self._lines_of(point)
        expected = right(Path(point.model), lines)
        for source, recoding in self._recodings(self._sources(point)):
            file = recoding.within_loss(lines, loss, expected)
            if file is not None and len(file.data) < point.size_bytes:
                yield self._point(source, recoding, file)

    def keep_only(self, chosen: FrontPoint | None) -> None:
        """Deletes the files that were made, except one."""
        for path in self._new - ({Path(chosen.model)} if chosen is not None else set()):
            discard(path)

    def _recodings(self, sources: Sequence[FrontPoint]) -> Iterator[tuple[FrontPoint, Recoding]]:
        """Files that can be read, with what codes them anew.

        Raises:
            UserError: none can be read.
        """
        from trainers.trial.recoding import Recoding

        faults: list[UserError] = []
        for source in sources:
            try:
                recoding = Recoding(Path(source.model))
            except UserError as fault:
                faults.append(fault)
            else:
                yield source, recoding
        if faults and len(faults) == len(sources):
            raise faults[0]

    def _sources(self, point: FrontPoint) -> list[FrontPoint]:
        """The files whose weights a training is coded from: see the decisions of this module."""
        same = [other for other in self._points if _training(other) == _training(point) and Path(other.model).is_file()]
        finished = [other for other in same if other.finish_lines]
        coarse = [other for other in finished if is_coarse(str(other.architecture["precision"]))]
        largest = ([other for other in finished if other not in coarse], [other for other in same if other not in finished])
        found = [max(each, key=lambda other: other.size_bytes) for each in largest if each] + coarse
        return found or [point]  # whose file is missing, which is said when it is opened

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
        if not path.exists():
            self._new.add(path)
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
        finish_lines=point.finish_lines,
    )


def recoded_files(workspace: Workspace, name: str) -> set[Path]:
    """The files of a study that have been coded anew."""
    return set((workspace.models / name).glob(f"*{SUFFIX}"))


def discard(model: Path) -> None:
    """Deletes a file that was coded anew, and its record."""
    model.unlink(missing_ok=True)
    record_file(model).unlink(missing_ok=True)


def how_it_was_made(point: FrontPoint) -> str:
    """One line for the user about a file that was coded anew; empty for a file of the study."""
    if not point.model.endswith(SUFFIX):
        return ""
    return f"stored anew as {point.architecture['precision']}"
