"""Which parameters are decayed, and at which rate each learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from search_space import Architecture
from search_space.activations import activations
from search_space.component_versions import component_versions
from search_space.necks import necks
from search_space.recognizer import Recognizer
from testing.striped_lines import striped_dataset
from trainers.base.recipe import Recipe
from trainers.training.job import TrainingJob
from trainers.training.learner import Learner
from trainers.training.optimizer import RATE_FACTOR, make_optimizer

TINY = Architecture(width_percent=25, encoder_hidden=16, encoder_layers=1)
DECOUPLED = Recipe(learning_rate=4e-3, decoupled_decay=True)


def test_decay_spares_biases_and_norms() -> None:
    network = Recognizer(TINY, 3)
    spared = make_optimizer(network, DECOUPLED).param_groups[1]
    assert spared["weight_decay"] == 0
    assert all(p.ndim <= 1 for p in spared["params"])
    together = make_optimizer(network, DECOUPLED).param_groups[0]["params"] + spared["params"]
    assert len(together) == len(list(network.parameters()))


@pytest.mark.parametrize("name", [name for name in activations if name != "standard"])
def test_decay_spares_the_slopes_of_activations(name: str) -> None:
    """Decay alone would make ACON's p1 0.3 in 50,000 steps."""
    network = Recognizer(TINY.with_(activation=name), 3)
    spared = {id(p) for p in make_optimizer(network, DECOUPLED).param_groups[1]["params"]}
    slopes = [p for key, p in network.named_parameters() if key.rsplit(".")[-1] in ("p1", "p2", "beta")]
    assert slopes and all(id(p) in spared for p in slopes)


@pytest.mark.parametrize("decoupled", [True, False])
def test_the_localisation_of_a_rectifier_learns_at_a_tenth_of_the_rate(decoupled: bool) -> None:
    recipe = DECOUPLED.with_(decoupled_decay=decoupled)
    learner = Learner(TINY.with_(rectifier="tps"), 3, recipe, 0, torch.device("cpu"))
    finder = learner.recognizer.rectifier.finder
    learner.step(learner.recognizer(torch.rand(2, 3, 32, 64)).square().mean(), 1e-3)
    groups = learner._optimizer.param_groups
    slow = {id(p) for group in groups if group[RATE_FACTOR] == 0.1 for p in group["params"]}
    assert slow == {id(p) for layer in (finder.hidden, finder.points) for p in layer.parameters()}
    assert {(group[RATE_FACTOR], group["lr"]) for group in groups} == {(1.0, 1e-3), (0.1, 1e-4)}


def test_every_parameter_is_in_one_group() -> None:
    network = Recognizer(TINY.with_(rectifier="tps", activation="acon_c"), 3)
    for decoupled in (True, False):
        groups = make_optimizer(network, DECOUPLED.with_(decoupled_decay=decoupled)).param_groups
        found = [id(p) for group in groups for p in group["params"]]
        assert len(found) == len(set(found)) and set(found) == {id(p) for p in network.parameters()}


def test_a_training_is_not_continued_with_another_version_of_a_component(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one whose components are all of the first version is continued as ever."""

    def identity(architecture: Architecture) -> str:
        return TrainingJob(architecture, striped_dataset(2), DECOUPLED, 3, Path(), 0).identity

    assert component_versions(TINY) == {} and identity(TINY).endswith(" 3 0")
    pyramid = TINY.with_(neck="fpn_d", rectifier="tps")
    assert component_versions(pyramid) == {"neck": 2, "rectifier": 2}
    before = identity(pyramid)
    monkeypatch.setattr(necks["fpn_d"], "version", 3)
    assert identity(pyramid) != before
