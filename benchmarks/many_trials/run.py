"""Measures how long the commands that look at a study take when it has thousands of trials.

    python -m benchmarks.many_trials.run --folder /tmp/many [--trials 10000] [--runs 3]

The study is written once, through Optuna's storage interface: no network is trained. Its trials are what a long search leaves:
measured ones, precision variants of them, stopped and suspended ones, some over a limit, refused, duplicate or failed. Each
command is then run as a user runs it, in a process of its own; the median of its wall-clock and processor seconds is printed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from search_space import Architecture
from studies.definition.study import resolve
from studies.objectives.costs import Costs
from studies.storage.backends import open_storage
from studies.storage.distributions import distributions
from studies.storage.outcomes import (
    Duplicate,
    Failed,
    Measured,
    Outcome,
    OverLimit,
    PrecisionVariantOf,
    Refused,
    Stopped,
    Suspended,
)
from studies.storage.stored_trial import RungResult, StoredTrial
from studies.storage.study_store import StudyStore
from studies.storage.trial_attributes import description_of, outcome_attributes, rung_attributes
from studies.storage.trial_states import state_of
from studies.workspace.paths import Workspace
from trainers.base.candidate import Measurement
from trainers.base.right_lines import RightLines

NAME = "many"
"""Name of the study."""
VALIDATION_LINES = 2_000
"""Validation lines, one bit each in every measured trial."""
EPOCHS = 40
"""Epochs of a full training."""
SPACE = {
    "width_percent": list(range(25, 130, 5)),
    "encoder_hidden": list(range(16, 148, 4)),
    "neck": ["none", "fpn_a", "fpn_d"],
    "attention": ["squeeze_excite", "coordinate", "eca"],
    "precision": ["fp32", "int8", "int4"],
}
"""Architectures of the study; there are more than trials."""
COMMANDS = (
    ("studies",),
    ("trials", NAME),
    ("trials", NAME, "--csv"),
    ("trials", NAME, "--json"),
    ("front", NAME),
    ("front", NAME, "--plot", "front.png"),
)
"""What is measured."""


def write_study(workspace: Workspace, trials: int) -> None:
    """Writes the study, and a small file for each measured trial, unless it is there already."""
    values = {
        "name": NAME,
        "space": SPACE,
        "budget": {"trials": 2 * trials, "epochs": EPOCHS},
        "search": {"sampler": "random"},
        "data": {"test": False},
    }
    study = resolve(values, "benchmark")
    store, known = StudyStore.create_or_open(open_storage(workspace.optuna_url), study)
    if known:
        return
    space, storage, study_id = distributions(study.joint_space), store.optuna_study._storage, store.optuna_study._study_id
    for trial in itertools.islice(_trials(workspace), trials):
        storage.create_new_trial(study_id, _frozen(trial, space))


def _trials(workspace: Workspace) -> Iterator[StoredTrial]:
    """Trials as a long search leaves them; what is measured also leaves a file."""
    rng = np.random.default_rng(0)
    names = list(SPACE)
    for number, values in enumerate(_shuffled(rng)):
        params = dict(zip(names, values, strict=True))
        architecture = Architecture(**params)
        size_bytes = int(2_000 * architecture.width_percent + 900 * architecture.encoder_hidden)
        outcome = _outcome(workspace, number, size_bytes, rng)
        trial = StoredTrial.of(number, params, architecture, Costs(size_bytes), outcome)
        yield trial


def _frozen(trial: StoredTrial, space: Mapping[str, BaseDistribution]) -> FrozenTrial:
    """A closed trial as Optuna takes it at once, with what it had reached at two rungs if it was trained."""
    attributes = description_of(trial)
    if trial.epochs_trained:
        for epoch, cer in ((1, 0.95), (3, 0.05 + trial.number % 90 / 100)):
            attributes |= rung_attributes(epoch, RungResult(cer, max(0.0, 1 - 2 * cer)))
    attributes |= outcome_attributes(trial.outcome)
    measured = trial.measurement
    complete = state_of(trial.outcome) == TrialState.COMPLETE and measured is not None
    return create_trial(
        state=state_of(trial.outcome),
        params=dict(trial.params),
        distributions=dict(space),
        values=[measured.accuracy, float(measured.size_bytes)] if complete and measured is not None else None,
        user_attrs=attributes.user,
        system_attrs=attributes.system,
    )


def _shuffled(rng: np.random.Generator) -> Iterator[tuple[int | str, ...]]:
    every = list(itertools.product(*SPACE.values()))
    return (every[int(i)] for i in rng.permutation(len(every)))


def _outcome(workspace: Workspace, number: int, size_bytes: int, rng: np.random.Generator) -> Outcome:
    """One of ten outcomes, by the number of the trial."""
    match number % 10:
        case 0 | 1 | 2:
            measurement, model = _measured(workspace, number, size_bytes, rng)
            return Measured(measurement, model, EPOCHS)
        case 3 | 4:
            measurement, model = _measured(workspace, number, size_bytes, rng)
            of = number - 3
            return PrecisionVariantOf(of, measurement, model, f"the training of trial {of}, stored as int8", EPOCHS)
        case 5 | 6:
            return Stopped(3, "not among the best at epoch 3")
        case 7:
            return Suspended(3, "time is up; suspended after epoch 3")
        case 8:
            return OverLimit("about 900KB is over 800KB", 0.1) if number % 20 == 8 else Refused("fpn_d needs three maps")
        case _:
            return (
                Failed("nan: the loss is not finite") if number % 20 == 9 else Duplicate(max(0, number - 9), "the same network")
            )


def _measured(workspace: Workspace, number: int, size_bytes: int, rng: np.random.Generator) -> tuple[Measurement, Path]:
    accuracy = float(np.clip(0.35 + 0.06 * np.log(size_bytes / 1_000) + rng.normal(0, 0.08), 0.0, 0.99))
    right = RightLines.of("benchmark", list(rng.random(VALIDATION_LINES) < accuracy))
    file = workspace.models / NAME / f"{number:05d}.onnx"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"not a model")
    latency_ms = 0.2 + size_bytes / 400_000
    whole = sum(right.unpacked()) / VALIDATION_LINES
    cer = (1 - whole) / 4
    measured = Measurement(
        whole, cer, size_bytes, latency_ms, size_bytes // 4, VALIDATION_LINES, right_lines=right, sha256="0" * 64
    )
    return measured, file.relative_to(workspace.folder)


def timed(command: tuple[str, ...], folder: Path) -> tuple[float, float]:
    """Wall-clock and processor seconds of a command in a process of its own."""
    environment = os.environ | {"PARETEXT_HOME": str(folder / "runs"), "PYTHONPATH": str(Path.cwd()), "OMP_NUM_THREADS": "1"}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    words = [sys.executable, "-m", "dashboards.cli.command_line", *command]
    subprocess.run(words, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return time.monotonic() - began, spent


def main() -> None:
    """Writes the study and times the commands."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="for the study; a study that is there is used again")
    parser.add_argument("--trials", type=int, default=10_000, help="of the study (default: 10,000)")
    parser.add_argument("--runs", type=int, default=3, help="of each command (default: 3)")
    arguments = parser.parse_args()
    began = time.monotonic()
    write_study(Workspace(arguments.folder.resolve() / "runs").prepare(), arguments.trials)
    print(f"{arguments.trials:,} trials, written in {time.monotonic() - began:.0f} s", flush=True)
    for command in COMMANDS:
        times = [timed(command, arguments.folder.resolve()) for _ in range(arguments.runs)]
        wall, spent = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{'paretext ' + ' '.join(command):<40} {wall:6.1f} s  (processor {spent:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
