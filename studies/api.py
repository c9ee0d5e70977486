"""The Python API for the three jobs: search, look at the front, promote. `paretext` on the command line does the same.

    from studies import front, promote, search

    search("plates.toml")                                       # or a dict of the same tables, or a `Study`
    for point in front("plates"):
        print(point.trial, point.accuracy, point.size_bytes, point.model)
    champion = promote("plates", size_limit="500KB", model="reader")
    print(champion.address)                                     # models:/reader@champion

Everything is kept in the workspace folder: `runs/`, or what the environment variable PARETEXT_HOME names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.definition.study import Study
    from studies.engines.base import Engine
    from studies.registry.champion_changes import ChampionChange
    from studies.registry.compared_lines import Part
    from studies.registry.promoted_version import PromotedVersion
    from studies.registry.rollback import ModelHistory
    from studies.registry.tracker import Tracker
    from studies.run.observer import Observer, Summary
    from studies.run.reproduction import Reproduction
    from studies.storage.front_point import FrontPoint
    from studies.workspace.paths import Workspace


def search(
    study: Study | Mapping[str, Any] | Path | str,
    workspace: Workspace | None = None,
    observer: Observer | None = None,
    engine: Engine | None = None,
    tracker: Tracker | None = None,
    accept_data: bool = False,
) -> Summary:
    """Runs a study until its budget is spent; a study of that name that is there already is continued.

    Call it from a script's `if __name__ == "__main__":` block: the workers are spawned and import the script.

    Args:
        study: the path of a study file, its tables as a mapping, or a resolved `Study`.
        workspace: where everything is kept; None is the environment's.
        observer: receives everything that happens; None prints nothing.
        engine: where to train; None is the one that the study names.
        tracker: what records the study and its trials; None is MLflow in the workspace, `NoTracker()` records nothing.
        accept_data: continue a study although its training or validation lines have changed since its trials were measured.

    Returns:
        How the search ended.

    Raises:
        UserError: the study file has a fault, the data cannot be used, nothing can meet the limits, or another process runs
            the study.
    """
    from studies.definition.study import Study, resolve
    from studies.definition.study_file import load_study
    from studies.run.search import search as run

    if isinstance(study, Path | str):
        study = load_study(Path(study))
    elif not isinstance(study, Study):
        study = resolve(study, "the study")
    return run(study, workspace or _workspace(), observer, engine, tracker, accept_data=accept_data)


def front(name: str, workspace: Workspace | None = None) -> list[FrontPoint]:
    """The Pareto front of a study, smallest file first; empty while nothing reads.

    Args:
        name: of the study.
        workspace: where it is kept; None is the environment's.

    Raises:
        UserError: no such study.
    """
    from studies.storage.pareto_front import load_front

    return load_front(workspace or _workspace(), name)


def promote(
    name: str,
    size_limit: str | int | None = None,
    trial: int | None = None,
    model: str | None = None,
    workspace: Workspace | None = None,
    *,
    shrink: bool | float = False,
    data: str | None = None,
    lines: Part | None = None,
    force: bool = False,
    challenger: bool = False,
    dry_run: bool = False,
) -> PromotedVersion:
    """Registers a candidate as a new version of a model in MLflow, and makes it the champion if it is better.

    Where the model has a champion already, both read the same lines. A candidate that is worse, or that the lines do not tell
    apart from the champion and that is larger, is refused (`studies.registry.promotion_gate`).

    Args:
        name: of a study, or the folder of a training.
        size_limit: the most accurate candidate within this size, in bytes or written 500KB; None is no limit. If none is
            within it, the weights of a candidate on the front are stored anew so that the file fits.
        trial: this trial of the study, whatever its size; None picks by size.
        model: name of the registered model; None is the study's name.
        workspace: where the study and the registry are kept; None is the environment's.
        shrink: store the chosen file in fewer bytes: True, in as few as lose none of the validation lines that McNemar's test
            sees; a number, in as few as lose at most so many points of accuracy, 0 to 100; False takes it as it is.
        data: a source of labelled lines to compare on; None takes the lines of the study.
        lines: "test" or "validation" lines of the study; None takes the test lines, or the validation lines if there are none.
        force: promote a candidate that is refused; the tags of its version say so.
        challenger: register a candidate that is refused under the alias `challenger`, and leave the champion.
        dry_run: only say what would happen.

    Returns:
        The version.

    Raises:
        UserError: no such study or trial, nothing reads or fits, the candidate's file is missing or not the one measured, or
            the candidate is refused.
        ValueError: `size_limit` is not a size, or `shrink` is not a number of points.
    """
    from search_space.units import parse_size
    from studies.run.promotion_candidate import GateOptions, Shrink, find_candidate, promote_candidate

    place = workspace or _workspace()
    limit = parse_size(size_limit) if isinstance(size_limit, str) else size_limit
    candidate = find_candidate(name, place, limit, trial, Shrink.of(shrink))
    return promote_candidate(candidate, model, place, GateOptions(data, lines, force, challenger, dry_run))


def rollback(model: str, to: int | None = None, workspace: Workspace | None = None) -> ChampionChange:
    """Makes an earlier version of a registered model the champion again.

    Args:
        model: name of the registered model.
        to: number of the version; None is the champion before the present one.
        workspace: where the registry is kept; None is the environment's.

    Raises:
        UserError: there is no such model or version, no earlier champion, or the file of the version is missing or damaged.
    """
    from studies.registry.rollback import roll_back

    return roll_back(model, workspace or _workspace(), to)


def history(model: str, workspace: Workspace | None = None) -> ModelHistory:
    """The versions of a registered model, and which of them was the champion from when on.

    Args:
        model: name of the registered model.
        workspace: where the registry is kept; None is the environment's.

    Raises:
        UserError: there is no such model.
    """
    from studies.registry.rollback import history

    return history(model, workspace or _workspace())


def reproduce(model: str | None = None, workspace: Workspace | None = None) -> Reproduction:
    """Trains a model again from the record that is kept with it, and compares the two files byte by byte.

    Args:
        model: `models:/NAME@champion`, `models:/NAME/VERSION`, the name of a registered model, or an exported file such as that
            of a trial; None is the newest champion.
        workspace: where the model, its lines and its parents are kept; None is the environment's.

    Returns:
        Whether the bytes are the same, both accuracies, and what differs between then and now.

    Raises:
        UserError: there is no such model, no record of its training, its lines have changed, or a parent is missing.
        TrainingFault: the training failed.
    """
    from studies.run.reproduction import reproduce as run

    return run(model, workspace or _workspace())


def _workspace() -> Workspace:
    from studies.workspace.paths import Workspace

    return Workspace.of_environment()
