"""Every sampler by name: proposes inside the space, learns, and does not repeat its start when it is made again."""

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution

from studies.samplers.optuna_based.factory import LEARNING, SAMPLERS, make_sampler
from trainers.base.errors import UserError

SPACE = {
    "width_percent": IntDistribution(25, 125, step=25),
    "neck": CategoricalDistribution(("none", "fpn_a", "fpn_d")),
    "prune_percent": IntDistribution(0, 90, step=10),
}


def proposals(name, seed, trials=8):
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=make_sampler(name, seed))
    for _ in range(trials):
        trial = study.ask(fixed_distributions=SPACE)
        study.tell(trial, [trial.params["width_percent"], trial.params["prune_percent"]])
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_seed_decides_the_start(name):
    assert proposals(name, 1) == proposals(name, 1)
    assert proposals(name, 1) != proposals(name, 2)


@pytest.mark.parametrize("name", SAMPLERS)
def test_proposes_inside_the_space_after_refusals_and_unknown_models(name):
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=make_sampler(name, 0))
    study.enqueue_trial({"width_percent": 75})
    known = study.ask(fixed_distributions={"width_percent": SPACE["width_percent"]})  # a model from outside the space
    study.tell(known, [0.5, 100.0])
    for _ in range(12):
        trial = study.ask(fixed_distributions=SPACE)
        assert all(SPACE[field]._contains(SPACE[field].to_internal_repr(v)) for field, v in trial.params.items())
        if trial.params["width_percent"] > 75:
            trial.set_constraint("limits", 1.0)
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, [0.5, float(trial.params["width_percent"])])


def test_tpe_models_the_parameters_together():
    assert make_sampler("tpe", 0)._multivariate


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"no sampler is called 'tpee'; did you mean 'tpe'\?"):
        make_sampler("tpee", 0)
    assert set(SAMPLERS) >= LEARNING
