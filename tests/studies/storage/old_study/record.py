"""Made `optuna.journal` and `expected.json` with the code of commit 8b79367; kept to show how, it does not run with later code.

    cd CHECKOUT_OF_8b79367 && PYTHONPATH=$PWD python record.py FOLDER_FOR_THE_TWO_FILES

A study is run four times: to the end of a small budget (so trials are stopped), until its epochs are spent (so trials are
suspended), until it is interrupted (so trials are left running), and to its end. `optuna.journal` is what the third run left;
its first lines are what the second left. `expected.json` holds what the old code said of the study after each of the last three
runs, in how many lines, how far its trainings were, and what the last run trained.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import studies.driver
import studies.lease
import studies.search
from studies.book import counts, epochs_spent
from studies.engine import Failed
from studies.front import load_front, load_points, load_store
from studies.home import Home
from studies.search import search
from studies.study import resolve
from testing.scripted_engine import Killed
from tests.studies.scripted_engine import ScriptedEngine
from trainers.candidate import Candidate

OWNER = "old-machine:1"
STUDY: dict[str, Any] = {
    "name": "old",
    "space": {
        "width_percent": [25, 50, 75, 100],
        "neck": ["none", "fpn_a"],
        "encoder": ["none", "gru"],
        "encoder_hidden": [24, 48],
        "auxiliary": ["none", "super_resolution"],
        "precision": ["fp32", "int8"],
    },
    "limits": {"size": "1MB"},
    "budget": {"trials": 24, "epochs": 9},
    "search": {"sampler": "random", "early_stopping": "promotion", "first_rung": 1},
}


class NoTracker:
    def __init__(self, *_: Any) -> None: ...
    def start(self, *_: Any) -> None: ...
    def log_trial(self, *_: Any) -> None: ...

    def log_front(self, *_: Any) -> None: ...
    def finish(self, *_: Any, **__: Any) -> None: ...


class Mishaps(ScriptedEngine):
    """The fourth training fails; the first that ends has a file over the limit."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.submitted = 0
        self.first = True

    def submit(self, ticket: int, job: Any, until_epoch: int | None = None) -> None:
        self.submitted += 1
        if self.submitted == 4:
            self._script[job.architecture.digest] = Failed
        super().submit(ticket, job, until_epoch)

    def _candidate(self, a: Any, folder: Path, name: str) -> Candidate:
        candidate = super()._candidate(a, folder, name)
        if not self.first:
            return candidate
        self.first = False
        size_bytes = 1_234_567
        candidate.model.write_bytes(b"x" * size_bytes)
        measured = candidate.measurement.as_dict() | {"size_bytes": size_bytes}
        return Candidate(a, type(candidate.measurement).from_dict(measured), candidate.model)


def fate(trial: Any) -> str:
    attrs = trial.user_attrs
    for key in ("duplicate_of", "shares_training_of", "resumable", "refused", "over_budget"):
        if key in attrs:
            return key + (" after training" if attrs.get("trained") else "")
    return str(trial.state.name).lower()


def found(home: Home) -> dict[str, Any]:
    """What the code tells of a study."""
    trials = load_store(home, "old").trials()
    front = [point.as_dict() for point in load_front(home, "old")]
    for point in front:
        point["model"] = str(Path(point["model"]).relative_to(home.folder))
    return {
        "fates": {t.number: fate(t) for t in trials},
        "counts": sum(map(counts, trials)),
        "epochs_spent": epochs_spent(trials),
        "points": [p.trial for p in load_points(home, "old")],
        "front": front,
    }


def run(home: Home, engine: ScriptedEngine, **budget: Any) -> None:
    try:
        search(resolve(STUDY | {"budget": STUDY["budget"] | budget}, "here"), home, None, engine)
    except Killed:
        print("interrupted")


def main(folder: Path) -> None:
    studies.search.Tracker = NoTracker  # type: ignore[misc,assignment]
    studies.lease.owner_here = studies.driver.owner_here = lambda: OWNER
    runs = Path("/tmp/paretext-old-study")
    shutil.rmtree(runs, ignore_errors=True)
    home = Home(runs, f"journal:{runs}/optuna.journal").prepare()
    checkpoints: dict[str, int] = {}
    expected: dict[str, Any] = {"study": STUDY}
    for state, engine, budget in (
        ("stopped", Mishaps(), {"trials": 9}),
        ("suspended", ScriptedEngine(slots=3), {"total_epochs": 60}),
        ("interrupted", ScriptedEngine(break_after=2), {}),
        ("ended", ScriptedEngine(), {}),
    ):
        engine.epochs = checkpoints
        run(home, engine, **budget)
        text = (runs / "optuna.journal").read_text()
        expected[state] = found(home) | {"lines": text.count("\n"), "checkpoints": dict(checkpoints), "trained": engine.trained}
        print(state, sorted(Counter(expected[state]["fates"].values()).items()), expected[state]["epochs_spent"])
        if state == "interrupted":
            (folder / "optuna.journal").write_text(re.sub(r'"worker_id":"[^"]*"', '"worker_id":"old"', text))
    del expected["stopped"]
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    shutil.rmtree(runs)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
