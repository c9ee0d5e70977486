"""Finds what `paretext promote` names, a candidate of a study or the model in the folder of a training, and promotes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studies.registry.compared_lines import ComparedLines, Part
from studies.registry.model_registry import promote
from studies.registry.promoted_version import PromotedVersion
from studies.registry.promotion_gate import Gate
from studies.registry.training_point import is_training, training_data, training_point
from studies.run.recoded_points import discard, how_it_was_made, point_within, recoded_files, smaller_point
from studies.storage.front_point import FrontPoint
from studies.storage.pareto_front import load_store, pick, stored_points
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.data.cache import Progress

if TYPE_CHECKING:
    from trainers.data.spec import DataSpec


@dataclass(frozen=True)
class PromotionCandidate:
    """A model that may be promoted.

    Attributes:
        point: the model.
        study: name of its study; None if it was trained by `paretext train`.
        data: the lines that it was trained and measured on; None if that is not recorded.
        is_new: whether its file was made for this promotion; it is deleted again if nothing is registered.
        is_smallest: whether a smaller file was looked for (`Shrink`), and none reads as well.
    """

    point: FrontPoint
    study: str | None
    data: DataSpec | None
    is_new: bool = False
    is_smallest: bool = False

    @property
    def normaliser(self) -> str:
        """Name of the normaliser of its labels."""
        from trainers.inference.reader import Reader

        return Reader(self.point.model).metadata.normaliser if self.data is None else self.data.normaliser


@dataclass(frozen=True)
class Shrink:
    """That the chosen file is to be stored in as few bytes as read equally well.

    Attributes:
        loss: fraction of the validation lines that may be read worse, in [0, 1]; None: none that McNemar's test sees.
    """

    loss: float | None = None

    @classmethod
    def of(cls, points: bool | float) -> Shrink | None:
        """What a caller asks for: False nothing, True no loss that the test sees, a number so many points of accuracy.

        Raises:
            ValueError: the number is not in [0, 100].
        """
        if isinstance(points, bool):
            return cls() if points else None
        if not 0 <= points <= 100:
            raise ValueError(f"shrink is True, False or points of accuracy from 0 to 100, not {points}")
        return cls(points / 100)


@dataclass(frozen=True)
class GateOptions:
    """How a candidate is compared with the champion, and what becomes of one that is refused.

    Attributes:
        data: a source of labelled lines to compare on; None takes the lines of the candidate.
        lines: "test" or "validation" lines of its study; None takes the test lines, or the validation lines if there are none.
        force: promote a candidate that is refused; the tags of its version say so.
        challenger: register a candidate that is refused under the alias `challenger`, and leave the champion.
        dry_run: only say what would happen.
        progress: called with (lines read, lines in total) while each of the two reads.
    """

    data: str | None = None
    lines: Part | None = None
    force: bool = False
    challenger: bool = False
    dry_run: bool = False
    progress: Progress | None = None


def find_candidate(
    name: str,
    workspace: Workspace,
    size_limit_bytes: int | None = None,
    trial: int | None = None,
    shrink: Shrink | None = None,
) -> PromotionCandidate:
    """Finds the model to promote.

    Args:
        name: name of a study, or the folder of a training.
        workspace: holds the studies.
        size_limit_bytes: the most accurate candidate within this size; None is no limit. If none is within it, the weights of a
            candidate on the front are stored anew so that the file fits (`studies.run.recoded_points`).
        trial: this trial of a study, whatever its size; None picks by size.
        shrink: store the file anew in fewer bytes; None takes it as it is.

    Raises:
        UserError: there is no such study, trial or training, or nothing reads or fits.
    """
    if is_training(name):
        return _of_training(name, size_limit_bytes, trial, shrink)
    store = load_store(workspace, name)
    points, there = stored_points(store, workspace), recoded_files(workspace, name)
    if size_limit_bytes is None or trial is not None:
        point = pick(points, size_limit_bytes, trial, name=f"study '{name}'")
    else:
        point = point_within(workspace, name, points, size_limit_bytes)
    fitting = point
    if shrink is not None:
        point = smaller_point(workspace, name, points, point, shrink.loss)
        if point != fitting and _is_new(fitting, there):
            discard(Path(fitting.model))
    is_smallest = shrink is not None and point == fitting
    return PromotionCandidate(point, name, _data_of(store, point), _is_new(point, there), is_smallest)


def _is_new(point: FrontPoint, there: set[Path]) -> bool:
    """Whether a file was coded anew, and not by an earlier promotion."""
    return bool(how_it_was_made(point)) and Path(point.model) not in there


def promote_candidate(
    candidate: PromotionCandidate, model: str | None, workspace: Workspace, options: GateOptions | None = None
) -> PromotedVersion:
    """Promotes a candidate, if the gate lets it pass.

    Args:
        candidate: from `find_candidate`.
        model: name of the registered model; None is the name of the study.
        workspace: holds the registry.
        options: of the gate; None: the defaults.

    Raises:
        UserError: a training has no name for its model, or see `studies.registry.model_registry.promote`.
    """
    name = candidate.study if model is None else model
    if name is None:
        raise UserError("a training has no name of its own; name the registered model with --as MODEL")
    asked, compared = options or GateOptions(), None
    if asked.data is not None:
        compared = ComparedLines.of_source(asked.data, candidate.normaliser, workspace.cache)
    elif candidate.data is not None:
        compared = ComparedLines(candidate.data, workspace.cache, asked.lines)
    gate = Gate(compared, asked.force, asked.challenger, asked.dry_run, asked.progress)
    is_kept = False
    try:
        promoted = promote(candidate.point, name, workspace, candidate.study, gate)
        is_kept = not promoted.dry_run
    finally:
        if candidate.is_new and not is_kept:
            discard(Path(candidate.point.model))
    return promoted


def _of_training(name: str, size_limit_bytes: int | None, trial: int | None, shrink: Shrink | None) -> PromotionCandidate:
    """The model in the folder of a training."""
    folder = Path(name).expanduser()
    if shrink is not None:
        raise UserError(f"{name} is a training; --shrink needs a study, whose validation lines it reads")
    point = training_point(folder)
    if trial is not None:
        raise UserError(f"{name} is a training and has one model; leave --trial out")
    if size_limit_bytes is not None and point.size_bytes > size_limit_bytes:
        raise UserError(f"the model in {name} takes {point.size_bytes} bytes; raise --size-limit, or leave it out")
    return PromotionCandidate(point, None, training_data(folder))


def _data_of(store: StudyStore, point: FrontPoint) -> DataSpec | None:
    """The lines of a study at the input height of a candidate; None if the study names something that is not installed here."""
    try:
        study = store.study
    except UserError:
        return None
    return study.data.spec(int(point.architecture.get("height_px", 32)), study.search.seed)
