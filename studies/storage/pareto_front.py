"""The Pareto front of a study: the candidates that no other beats in what it searches for, accuracy and size as a rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from search_space.units import write_size
from studies.objectives.catalog import DEFAULT, objectives_of
from studies.objectives.objective import Objective
from studies.objectives.pareto import front_numbers
from studies.storage.backends import open_storage
from studies.storage.outcomes import CheckpointOf, Measured, PrecisionVariantOf
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError


@dataclass(frozen=True)
class FrontPoint:
    """One candidate on the front.

    Attributes:
        trial: its number in the study.
        accuracy: share of validation lines read without a fault, [0, 1].
        cer: total edits / total characters.
        size_bytes: of the exported file.
        latency_ms: median time of one line alone, one thread.
        parameters: learnable weights (after pruning).
        architecture: field to value.
        model: absolute path of the ONNX file.
        flops: multiply-adds of one image of 3 x 32 x 320; None in studies that did not record them.
    """

    trial: int
    accuracy: float
    cer: float
    size_bytes: int
    latency_ms: float
    parameters: int
    architecture: dict[str, Any]
    model: str
    flops: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, the keys in the order above."""
        return asdict(self)


def load_store(workspace: Workspace, name: str) -> StudyStore:
    """Opens a study of a workspace folder to read.

    Raises:
        UserError: no such study.
    """
    if not workspace.holds_studies:
        raise UserError(f"no study is called '{name}': {workspace.folder} holds none yet; start one with 'paretext search'")
    return StudyStore.open(open_storage(workspace.optuna_url), name)


def load_points(workspace: Workspace, name: str) -> list[FrontPoint]:
    """Every fully trained candidate of a study, oldest first.

    Raises:
        UserError: no such study.
    """
    return points_of(load_store(workspace, name).candidates(), workspace)


def load_front(workspace: Workspace, name: str) -> list[FrontPoint]:
    """The front of a study, smallest first; empty while no candidate has been fully trained.

    Raises:
        UserError: no such study.
    """
    store = load_store(workspace, name)
    return pareto_front(points_of(store.candidates(), workspace), store.objectives)


def points_of(trials: Iterable[StoredTrial], workspace: Workspace) -> list[FrontPoint]:
    """The candidates among some trials, as points."""
    points = []
    for trial in trials:
        if not isinstance(trial.outcome, Measured | PrecisionVariantOf | CheckpointOf) or trial.fields is None:
            continue
        measured = trial.outcome.measurement
        points.append(
            FrontPoint(
                trial=trial.number,
                accuracy=measured.accuracy,
                cer=measured.cer,
                size_bytes=measured.size_bytes,
                latency_ms=measured.latency_ms,
                parameters=measured.parameters,
                architecture=dict(trial.fields),
                model=str(workspace.folder / trial.outcome.model),
                flops=measured.flops,
            )
        )
    return points


def pareto_front(points: Iterable[FrontPoint], objectives: Sequence[Objective] | None = None) -> list[FrontPoint]:
    """The points that no other beats or equals in all objectives, smallest first; of equal points the oldest.

    Args:
        points: complete candidates.
        objectives: of their study; None means accuracy and size.
    """
    sought = objectives or objectives_of(DEFAULT)
    distinct: dict[tuple[float, ...], FrontPoint] = {}
    for point in sorted(points, key=lambda p: p.trial):
        distinct.setdefault(tuple(o.to_minimize(o.measured(point)) for o in sought), point)
    numbers = front_numbers(list(distinct))
    front = [point for point, number in zip(distinct.values(), numbers, strict=True) if number == 0]
    return sorted(front, key=lambda p: (p.size_bytes, -p.accuracy, p.trial))


def pick(
    points: list[FrontPoint], size_limit_bytes: int | None = None, trial: int | None = None, name: str = "the study"
) -> FrontPoint:
    """The point to promote.

    Args:
        points: all complete candidates of a study.
        size_limit_bytes: the most accurate within this size (of equally accurate ones the smallest); None is no limit.
        trial: this trial, whatever its size.
        name: the study, for messages.

    Raises:
        UserError: nothing has been trained yet, no such trial, or nothing fits.
    """
    if not points:
        raise UserError(f"{name} has no fully trained candidate yet; run 'paretext search' on")
    if trial is not None:
        found = [p for p in points if p.trial == trial]
        if not found:
            numbers = ", ".join(str(p.trial) for p in pareto_front(points))
            raise UserError(f"{name} has no fully trained trial {trial}; on its front are {numbers}")
        return found[0]
    fitting = [p for p in points if size_limit_bytes is None or p.size_bytes <= size_limit_bytes]
    if not fitting:
        smallest = min(p.size_bytes for p in points)
        limit = write_size(size_limit_bytes or 0)
        raise UserError(f"{name} has no candidate within {limit}; its smallest takes {smallest} bytes ({write_size(smallest)})")
    return max(fitting, key=lambda p: (p.accuracy, -p.size_bytes))
