"""Measures how long `paretext dashboard` takes to start with a large study, and what its notes cost.

    python -m benchmarks.dashboard.measure 1000 10000

In seconds of processor time: to open the storage and read all trials, to write the notes and the plot for the first time and
again, and for optuna-dashboard to answer for the page of the study, without notes and with them. Of the trials, a tenth are
measured, half are stopped at a rung, and the rest are over a limit; their files do not exist.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna_dashboard

from dashboards.views.board import Board
from dashboards.views.board_artifacts import BoardArtifacts
from search_space.architecture import Architecture
from studies.definition.study import resolve
from studies.objectives.costs import Costs
from studies.storage.backends import Storage, open_storage
from studies.storage.distributions import distributions
from studies.storage.outcomes import Measured, Outcome, OverLimit, Stopped
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.base.candidate import Measurement

SPACE: dict[str, Any] = {"width_percent": list(range(25, 126)), "encoder_hidden": list(range(16, 129, 4))}


def add_trials(workspace: Workspace, trials: int) -> None:
    """Makes the study `large` with so many trials."""
    study = resolve({"name": "large", "space": SPACE, "limits": {"size": "2MB"}}, "the benchmark")
    store, _ = StudyStore.create_or_open(open_storage(workspace.optuna_url), study)
    space, by = distributions(study.joint_space), random.Random(0)
    for number in range(trials):
        params = {field: by.choice(values) for field, values in SPACE.items()}
        architecture = Architecture(**params)
        size_bytes = architecture.width_percent * 9_000 + architecture.encoder_hidden * 6_000
        outcome = _outcome(number, size_bytes, by)
        store.add(StoredTrial.of(number, params, architecture, Costs(size_bytes), outcome), space)


def _outcome(number: int, size_bytes: int, by: random.Random) -> Outcome:
    accuracy = min(0.99, max(0.01, by.gauss(0.3, 0.1) + size_bytes / 4e6))
    if number % 10 == 0:
        measured = Measurement(accuracy, (1 - accuracy) / 4, size_bytes, 1.0, size_bytes, 500, size_bytes * 9)
        return Measured(measured, Path(f"models/large/{number}.onnx"), 40)
    if number % 10 < 6:
        return Stopped(3, "not among the best at epoch 3")
    return OverLimit(f"{size_bytes / 1e6:.2f}MB is over the limit of 2.00MB", size_bytes / 2e6)


def cpu_s(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of processor time that a piece of work takes, and what it returns."""
    began = time.process_time()
    result = work()
    return round(time.process_time() - began, 2), result


def page_bytes(app: Any, study: int) -> int:
    """Bytes of what optuna-dashboard answers for the page of a study."""
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/api/studies/{study}", "QUERY_STRING": "after=0"}
    environ |= {"SERVER_NAME": "x", "SERVER_PORT": "0", "wsgi.url_scheme": "http", "wsgi.input": sys.stdin.buffer}
    return sum(map(len, app(environ, lambda *_: None)))


def measure(trials: int) -> dict[str, Any]:
    """What a study with so many trials takes, in seconds of processor time."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder), storage=f"journal:{folder}/journal").prepare()
        add_trials(workspace, trials)

        def opened() -> tuple[Storage, StudyStore]:
            storage = open_storage(workspace.optuna_url)
            store = StudyStore.open(storage, "large")
            store.trials()
            return storage, store

        found: dict[str, Any] = {"trials": trials}
        found["open_s"], (storage, store) = cpu_s(opened)
        study = store.optuna_study._study_id
        app = optuna_dashboard.wsgi(storage, artifact_store=BoardArtifacts(workspace, storage))  # type: ignore[arg-type]
        found["page_without_notes_s"], _ = cpu_s(lambda: page_bytes(app, study))
        found["fill_s"], _ = cpu_s(Board(store, workspace).catch_up)
        found["fill_again_s"], _ = cpu_s(Board(store, workspace).catch_up)
        app = optuna_dashboard.wsgi(storage, artifact_store=BoardArtifacts(workspace, storage))  # type: ignore[arg-type]
        found["page_s"], found["page_bytes"] = cpu_s(lambda: page_bytes(app, study))
        return found


if __name__ == "__main__":
    for words in sys.argv[1:]:
        print(json.dumps(measure(int(words))), flush=True)
