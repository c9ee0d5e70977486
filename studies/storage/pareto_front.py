"""The Pareto front of a study: the candidates that no other beats in what it searches for, accuracy and size as a rule.

A file that does not read (`trainers.base.candidate.READING_CER`) is never on the front, however small it is.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from search_space.units import write_size
from studies.definition.recipe_space import recipe_table
from studies.objectives.catalog import DEFAULT, objectives_of
from studies.objectives.objective import Objective
from studies.objectives.pareto import not_dominated
from studies.storage.backends import open_storage
from studies.storage.front_point import FrontPoint
from studies.storage.outcomes import CheckpointOf, Measured, PrecisionVariantOf
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_faults import NoSuchStudy, check_is_of_paretext
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.base.redaction import redact
from trainers.evaluation.uncertainty import reads_as_well

HARDLY_MORE = 1.01
"""Two files of one training in one precision cost the same up to this ratio; their bytes differ by less than 0.3 %."""


def load_store(workspace: Workspace, name: str) -> StudyStore:
    """Opens a study of a workspace folder to read.

    Raises:
        NoSuchStudy: there is none, or another program has made it.
        UserError: the storage cannot be opened.
    """
    if not workspace.holds_studies:
        where = workspace.folder if workspace.storage is None else redact(workspace.storage)
        raise NoSuchStudy(f"no study is called '{name}': {where} holds no study yet; start one with 'paretext search'")
    store = StudyStore.open(open_storage(workspace.optuna_url), name)
    check_is_of_paretext(store.optuna_study)
    return store


def load_points(workspace: Workspace, name: str) -> list[FrontPoint]:
    """Every measured candidate of a study, oldest first, also those that do not read.

    Raises:
        UserError: no such study.
    """
    return stored_points(load_store(workspace, name), workspace)


def stored_points(store: StudyStore, workspace: Workspace) -> list[FrontPoint]:
    """Every measured candidate of an open study, with what it reads of the test lines where it has been tested."""
    scores, points = store.test_scores(), points_of(store.candidates(), workspace, store.epochs, store.written_recipe)
    for at, point in enumerate(points):
        if (score := scores.get(point.trial)) is not None:
            tested = {"test_accuracy": score.accuracy, "test_cer": score.cer, "test_lines": score.lines}
            points[at] = replace(point, **tested)  # type: ignore[arg-type]
    return points


def load_front(workspace: Workspace, name: str) -> list[FrontPoint]:
    """The front of a study, smallest first; empty while nothing reads.

    Points that the validation lines do not tell apart from the next smaller one say so (`FrontPoint.equal_to`).

    Raises:
        UserError: no such study.
    """
    store = load_store(workspace, name)
    return with_equals(pareto_front(stored_points(store, workspace), store.objectives))


def points_of(
    trials: Iterable[StoredTrial],
    workspace: Workspace,
    epochs: int | None = None,
    written_recipe: str | Mapping[str, Any] | None = None,
) -> list[FrontPoint]:
    """The candidates among some trials, as points.

    Args:
        trials: of a study.
        workspace: recorded paths of models are relative to its folder.
        epochs: of a full training.
        written_recipe: what the study says of its recipe; None when that is not known.
    """
    trials, points = list(trials), []
    trained = {trial.number: trial.outcome.epochs for trial in trials if isinstance(trial.outcome, Measured)}
    for trial in trials:
        outcome = trial.outcome
        if not isinstance(outcome, Measured | PrecisionVariantOf | CheckpointOf) or trial.fields is None:
            continue
        epochs_trained = outcome.epochs
        if isinstance(outcome, PrecisionVariantOf):  # studies of before did not record its epochs
            epochs_trained = outcome.epochs or trained.get(outcome.trial) or epochs
        points.append(
            FrontPoint.of(
                trial.number,
                outcome.measurement,
                {**trial.fields, **({} if trial.stored_as is None else {"precision": trial.stored_as})},
                workspace.folder / outcome.model,
                epochs_trained=epochs_trained,
                epochs=epochs,
                recipe={} if written_recipe is None else recipe_table(written_recipe, trial.recipe),
                searched=() if written_recipe is None else tuple(trial.recipe),
            )
        )
    return points


def pareto_front(points: Iterable[FrontPoint], objectives: Sequence[Objective] | None = None) -> list[FrontPoint]:
    """The points that read and that no other beats or equals in all objectives, smallest first; of equal points the oldest.

    Files that a finish has replaced are left out (`current`). Of the other files of one training in one precision that cost the
    same within 1 %, only the one that reads best is listed.

    Args:
        points: complete candidates.
        objectives: of their study; None means accuracy and size.
    """
    sought = objectives or objectives_of(DEFAULT)
    distinct: dict[tuple[float, ...], FrontPoint] = {}
    for point in sorted((p for p in current(points) if p.reads), key=lambda p: p.trial):
        distinct.setdefault(tuple(o.to_minimize(o.measured(point)) for o in sought), point)
    kept = not_dominated(np.array(list(distinct), dtype=float).reshape(-1, len(sought)))
    front = [point for point, is_kept in zip(distinct.values(), kept, strict=True) if is_kept]
    return sorted(_without_earlier_files(front, sought), key=lambda p: (p.size_bytes, -p.accuracy, p.trial))


def current(points: Iterable[FrontPoint]) -> list[FrontPoint]:
    """The points without those that a finish of the same training in the same precision has replaced.

    A file that had none is kept only if the validation lines show that it reads better (McNemar's test). If its accuracy is
    higher by less than that, it is more likely lucky: it is the best of dozens of files that the same lines have measured, and
    a finish helps on the whole (`benchmarks/digits_study`).
    """
    points = list(points)
    finished: dict[tuple[str, str], list[FrontPoint]] = defaultdict(list)
    for point in points:
        if point.finish_lines and point.reads:
            finished[_training(point)].append(point)

    def is_replaced(point: FrontPoint) -> bool:
        return any(
            (after.epochs_trained or 0) >= (point.epochs_trained or 0) and reads_as_well(after, point)
            for after in finished[_training(point)]
        )

    return [p for p in points if p.finish_lines or not is_replaced(p)] if finished else points


def _training(point: FrontPoint) -> tuple[str, str]:
    """What the files of one training in one precision have in common."""
    return str(point.architecture), str(point.recipe)


def _without_earlier_files(front: Sequence[FrontPoint], objectives: Sequence[Objective]) -> list[FrontPoint]:
    """The front without files of a training that a later file of it beats in all that is read, at hardly more cost.

    After further epochs, or a finish, a coded file has some bytes more or less. All of them may be on the front, but are hardly
    more than one choice.
    """
    read = [objective for objective in objectives if not objective.before_training]
    costs = [objective for objective in objectives if objective.before_training]
    files: dict[tuple[str, str], list[FrontPoint]] = defaultdict(list)
    for point in front:
        files[_training(point)].append(point)

    def is_replaced(point: FrontPoint, other: FrontPoint) -> bool:
        better = all(o.to_minimize(o.measured(other)) < o.to_minimize(o.measured(point)) for o in read)
        return better and all(o.to_minimize(o.measured(other)) <= HARDLY_MORE * o.to_minimize(o.measured(point)) for o in costs)

    return [p for p in front if not any(is_replaced(p, o) for o in files[_training(p)])]


def with_equals(front: Sequence[FrontPoint]) -> list[FrontPoint]:
    """The front, each point compared with the next smaller one by the validation lines that each reads."""
    marked = list(front[:1])
    for smaller, point in itertools.pairwise(front):
        p = point.same_as(smaller)
        marked.append(point if p is None else replace(point, equal_to=smaller.trial, equal_p=p))
    return marked


def pick(
    points: list[FrontPoint], size_limit_bytes: int | None = None, trial: int | None = None, name: str = "the study"
) -> FrontPoint:
    """The point to promote.

    Args:
        points: all measured candidates of a study.
        size_limit_bytes: the most accurate within this size (of equally accurate ones the smallest); None is no limit.
        trial: this trial, whatever its size.
        name: the study, for messages.

    Raises:
        UserError: nothing reads yet, no such trial, or one that does not read, or nothing fits.
    """
    if not points:
        raise UserError(f"{name} has no trained candidate yet; the command that began it continues it")
    reading = [p for p in points if p.reads]
    if not reading:
        best = min(points, key=lambda p: p.cer)
        raise UserError(f"{name}: nothing reads yet; the best, trial {best.trial}, has {best.cer:.1%} of characters wrong")
    if trial is not None:
        return _numbered(trial, points, name)
    fitting = [p for p in current(reading) if size_limit_bytes is None or p.size_bytes <= size_limit_bytes]
    if not fitting:
        smallest = min(p.size_bytes for p in reading)
        limit = write_size(size_limit_bytes or 0)
        raise UserError(f"{name} has no candidate within {limit}; its smallest takes {smallest} bytes ({write_size(smallest)})")
    return max(fitting, key=lambda p: (p.accuracy, -p.size_bytes))


def _numbered(trial: int, points: list[FrontPoint], name: str) -> FrontPoint:
    """The point of a trial.

    Raises:
        UserError: no such trial, or one that does not read.
    """
    numbers = ", ".join(str(p.trial) for p in pareto_front(points))
    for point in points:
        if point.trial == trial and not point.reads:
            wrong = f"{point.cer:.1%} of characters wrong"
            raise UserError(f"trial {trial} of {name} does not read ({wrong}); on the front are {numbers}")
        if point.trial == trial:
            return point
    raise UserError(f"{name} has no trained trial {trial}; on its front are {numbers}")
