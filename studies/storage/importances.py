"""How much each dimension of a study matters for each objective, as Optuna's evaluators estimate it.

Decisions:
- Only measured candidates are compared; a dimension that some of them lack is left out, as Optuna does.
- fANOVA: the share of the variance that a dimension explains alone, in a random forest. It takes a second or two for the
  `MOST_TRIALS` that are used at most, evenly spaced over the study.
- Costs are compared by their logarithms, as samplers do; otherwise the few largest files would decide.
"""

from __future__ import annotations

import math
import warnings

import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from studies.objectives.objective import Objective
from studies.storage.study_store import StudyStore

LEAST_TRIALS = 8
"""Candidates below which nothing is said: a forest of fewer has nothing to learn from."""
MOST_TRIALS = 300
"""Candidates that are used at most."""
TREES = 32
"""Trees of the forest: half as many as Optuna's default, which takes twice as long for the same order of dimensions."""


def importances(store: StudyStore) -> dict[str, dict[str, float]]:
    """Importance of each dimension for each objective.

    Args:
        store: the study.

    Returns:
        Name of an objective to dimension to its share of the variance, in [0, 1], the largest first. Objectives that are equal
        for all candidates are left out; empty with fewer than `LEAST_TRIALS` candidates.
    """
    trials = [t for t in store.trials(TrialState.COMPLETE) if t.values and all(map(math.isfinite, t.values))]
    if len(trials) < LEAST_TRIALS:
        return {}
    chosen = trials if len(trials) <= MOST_TRIALS else [trials[i * len(trials) // MOST_TRIALS] for i in range(MOST_TRIALS)]
    study = optuna.create_study(directions=[o.direction for o in store.objectives])
    study.add_trials(chosen)
    found = {}
    for at, objective in enumerate(store.objectives):
        if len({trial.values[at] for trial in chosen}) > 1:
            found[objective.name] = _importances(study, at, objective)
    return {name: values for name, values in found.items() if values}


def _importances(study: optuna.Study, at: int, objective: Objective) -> dict[str, float]:
    def target(trial: FrozenTrial) -> float:
        value = float(trial.values[at])
        return math.log(value) if objective.scale == "log" and value > 0 else value

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = get_param_importances(
                study, evaluator=FanovaImportanceEvaluator(n_trees=TREES, seed=0), target=target, normalize=False
            )
        except (ValueError, RuntimeError):  # no dimension varies, or no two candidates differ in what can be compared
            return {}
    return dict(sorted(found.items(), key=lambda item: -item[1]))
