"""The regression is told what each training has inherited, so that it does not take it for a merit of the architecture."""

import numpy as np
import pytest
from optuna.distributions import IntDistribution

from studies.run.inherited_training import InheritedTraining
from studies.samplers.front.ancestry import Ancestry, inherited_training
from studies.samplers.front.sampler import FrontSampler
from trainers.base.lineage import Ancestor, Lineage

SPACE = {"x": IntDistribution(0, 15), "y": IntDistribution(0, 15)}


def lineage(epochs: int, share: float = 1.0) -> Lineage:
    return Lineage.of(share, Ancestor("trial 0", None, epochs, 10 * epochs))


def test_inherited_training_is_known_whatever_the_precision() -> None:
    inherited = InheritedTraining()
    assert inherited.ancestry.expected() == 0
    for epochs in (3, 9, 27):
        inherited.note({"x": epochs, "precision": "fp32"}, lineage(epochs, 0.5))
    of, expected = inherited.ancestry.of, inherited.ancestry.expected
    assert of({"x": 9, "precision": "int8"}) == of({"x": 9}) == expected() == inherited_training(9, 0.5)
    assert of({"x": 4}) == 0
    assert (
        0 == inherited_training(0, 1) < inherited_training(9, 0.5) < inherited_training(9, 1) < 1 == inherited_training(100, 1)
    )


def observed(ancestry: Ancestry | None) -> FrontSampler:
    """Errors fall with x alone, but the half with the larger y has inherited and is better by a tenth."""
    sampler = FrontSampler(SPACE, ["minimize", "minimize"], rungs=(1, 3), initial_trainings=4, ancestry=ancestry)
    rng = np.random.default_rng(0)
    for x, y in rng.integers(16, size=(30, 2)).tolist():
        error = 0.5 - 0.02 * x - (0.1 if y > 7 else 0.0)
        for rung, more in ((1, 0.1), (3, 0.0)):
            sampler.observe({"x": x, "y": y}, rung, [error + more, 0.1 * x])
    return sampler


def test_what_was_inherited_is_no_merit_of_the_architecture() -> None:
    told = Ancestry(lambda params: 0.6 if params["y"] > 7 else 0.0, lambda: 0.6)
    rows = np.array([[8.0, 3.0], [8.0, 12.0]])
    blind, seeing = (observed(ancestry)._model_and_proposal()[0].predict(rows)[0][:, 0] for ancestry in (None, told))
    assert blind[0] - blind[1] > 0.06
    assert abs(seeing[0] - seeing[1]) < 0.04
    assert seeing[1] == pytest.approx(0.5 - 0.16 - 0.1, abs=0.04)
