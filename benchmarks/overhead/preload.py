"""A study that has thousands of trials already, written into its storage as a search would have left it when it was killed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict

from optuna.trial import TrialState

from benchmarks.overhead.no_op import accuracy_of, measured
from search_space import Architecture, RefusedArchitecture
from studies.definition.study import Study
from studies.objectives.costs import Costs
from studies.objectives.pareto import best_first
from studies.run.proposer import params_in
from studies.run.schedule import rung_facts
from studies.storage.backends import open_storage
from studies.storage.batched_writes import open_trial, write_trial
from studies.storage.study_store import StudyStore, distributions
from studies.workspace.paths import Workspace

RUNG = 3


def preload(workspace: Workspace, study: Study, count: int) -> None:
    """Fills a study up to so many trials: the best third is complete, the others wait at the first rung.

    The trials of one sampler serve for all: the study that is there goes on with the settings of this one.

    Args:
        workspace: where it is kept.
        study: its space and epochs count.
        count: of trials, those that there are already included.
    """
    storage = open_storage(workspace.optuna_url, print)
    store, _ = StudyStore.create_or_open(storage, study)
    store.update_study(study)
    known = {t.user_attrs["digest"] for t in store.trials() if "digest" in t.user_attrs}
    new = _architectures(study, known, count - len(known))
    order = best_first([(_cer(a, study), _size_bytes(a)) for a in new], scales=("linear", "log"))
    complete, space = set(order[: len(new) // 3]), distributions(study.search_space)
    for i, architecture in enumerate(new):
        costs = Costs(_size_bytes(architecture))
        facts = {
            "architecture": architecture.as_dict(),
            "digest": architecture.digest,
            "estimated_bytes": costs.size_bytes,
            "costs": asdict(costs),
            "training": {
                "owner": "elsewhere:1",
                "until": RUNG,
                "folder": str(workspace.trials(study.name) / architecture.digest),
            },
            **rung_facts(RUNG, _cer(architecture, study), accuracy_of(architecture) * RUNG / study.budget.epochs),
        }
        end = None
        if i in complete:
            found = measured(architecture)
            facts |= {"measurement": found.as_dict(), "model": "models/none.onnx", "epoch": study.budget.epochs}
            end = (TrialState.COMPLETE, [objective.measured(found) for objective in study.objectives])
        opened = open_trial(storage, store.optuna_study._study_id, params_in(study.search_space, architecture), space)
        write_trial(storage, opened[0], facts, end=end)


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
