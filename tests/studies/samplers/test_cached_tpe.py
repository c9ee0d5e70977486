"""The cached TPE proposes the same parameters as Optuna's, in the same order."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.trial import TrialState

from studies.optuna_internals.cached_tpe import CachedTPESampler
from studies.samplers.optuna_based.factory import STARTUP_TRIALS

SPACE: dict[str, BaseDistribution] = {
    "width": IntDistribution(25, 125, step=25),
    "neck": CategoricalDistribution(("none", "fpn_a", "fpn_d")),
    "one": CategoricalDistribution(("only",)),
    "hidden": IntDistribution(0, 40),
}
SETTINGS: dict[str, Any] = {
    "multivariate": True, "group": True, "constant_liar": True, "n_startup_trials": STARTUP_TRIALS, "seed": 3,
}  # fmt: skip


def study_with(sampler: TPESampler) -> optuna.Study:
    return optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)


def remembering() -> CachedTPESampler:
    sampler = CachedTPESampler(**SETTINGS)
    sampler.whole = SPACE
    return sampler


def proposals(study: optuna.Study, count: int) -> list[dict[str, Any]]:
    """Of trials that are completed, found infeasible, failed or left open, in turn."""
    found = []
    for i in range(count):
        trial = study.ask(fixed_distributions=SPACE)
        found.append(trial.params)
        if i % 5 == 1:
            trial.set_constraint("limits", 0.5)
            study.tell(trial, state=TrialState.PRUNED)
        elif i % 7 == 2:
            study.tell(trial, state=TrialState.FAIL)
        elif i % 6:
            width = trial.params["width"] * (1 + trial.params["hidden"])
            study.tell(trial, [width / 5000 + (trial.params["neck"] == "fpn_d"), width])
    return found


def test_it_proposes_what_optunas_does() -> None:
    assert proposals(study_with(remembering()), 80) == proposals(study_with(TPESampler(**SETTINGS)), 80)


@pytest.mark.parametrize("known", [0, 40])
def test_without_a_space_it_is_optunas(known: int) -> None:
    assert proposals(study_with(CachedTPESampler(**SETTINGS)), known) == proposals(study_with(TPESampler(**SETTINGS)), known)


def test_asked_again_it_has_the_ideas_that_another_trial_would_have_brought() -> None:
    ours, theirs = study_with(remembering()), study_with(TPESampler(**SETTINGS))
    for study in (ours, theirs):
        proposals(study, 60)
    first = ours.ask(fixed_distributions=SPACE)
    sampler = ours.sampler
    assert isinstance(sampler, CachedTPESampler)
    ideas = [first.params]
    for _ in range(20):
        again = sampler.again()
        assert again is not None
        ideas.append({"one": "only", **again})
    expected = []
    for _ in range(21):
        trial = theirs.ask(fixed_distributions=SPACE)
        expected.append(trial.params)
        theirs.tell(trial, state=TrialState.FAIL)
    assert ideas == expected


def test_at_the_start_it_has_nothing_to_be_asked_again() -> None:
    study = study_with(remembering())
    proposals(study, 3)
    study.ask(fixed_distributions=SPACE)
    assert isinstance(study.sampler, CachedTPESampler) and study.sampler.again() is None
