"""Writes a study with thousands of trials into its storage, in the state in which a killed search leaves it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.overhead.no_op import accuracy_of, measured
from search_space import Architecture, RefusedArchitecture
from studies.definition.configuration import Configuration
from studies.definition.study import Study
from studies.objectives.costs import Costs
from studies.objectives.pareto import best_first
from studies.storage.backends import open_storage
from studies.storage.distributions import distributions
from studies.storage.outcomes import Measured, Running
from studies.storage.stored_trial import RungResult, StoredTrial, TrainingMark
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace

RUNG = 3


def preload(workspace: Workspace, study: Study, count: int) -> None:
    """Fills a study up to `count` trials: the best third is complete, the others are suspended at the first rung.

    A study that exists keeps its trials and gets the new settings, so its trials can be used with every sampler.

    Args:
        workspace: workspace of the study.
        study: definition of the study; its space and epochs are used.
        count: number of trials, existing ones included.
    """
    storage = open_storage(workspace.optuna_url, print)
    store, _ = StudyStore.create_or_open(storage, study)
    store.update_study(study)
    known = {t.digest for t in store.stored_trials() if t.digest is not None}
    new = _architectures(study, known, count - len(known))
    order = best_first([(_cer(a, study), _size_bytes(a)) for a in new], scales=("linear", "log"))
    complete, space = set(order[: len(new) // 3]), distributions(study.search_space)
    for i, architecture in enumerate(new):
        number = store.ask_params(study.joint_space.params_of(Configuration(architecture)), space).number
        trial = StoredTrial.of(number, {}, architecture, Costs(_size_bytes(architecture)), Running())
        store.describe(trial)
        folder = str(workspace.trials(study.name) / architecture.digest)
        store.note_training(number, TrainingMark("elsewhere:1", RUNG, folder))
        reached = accuracy_of(architecture) * RUNG / study.budget.epochs
        store.note_rung(number, RUNG, RungResult(_cer(architecture, study), reached))
        if i in complete:
            store.close(trial.closed(Measured(measured(architecture), Path("models/none.onnx"), study.budget.epochs)))


def _architectures(study: Study, known: set[str], count: int) -> list[Architecture]:
    found = {a.digest: a for a in _drawn(study, max(0, count), set(known))}
    return list(found.values())


def _drawn(study: Study, count: int, known: set[str]) -> Iterator[Architecture]:
    draw, space = random.Random(1), study.search_space
    while count > 0:
        try:
            architecture = space.sample(lambda _, choices: draw.choice(list(choices)))
        except RefusedArchitecture:
            continue
        if architecture.digest not in known:
            known.add(architecture.digest)
            count -= 1
            yield architecture


def _cer(architecture: Architecture, study: Study) -> float:
    return (1 - accuracy_of(architecture) * RUNG / study.budget.epochs) / 2


def _size_bytes(architecture: Architecture) -> int:
    return measured(architecture).size_bytes
