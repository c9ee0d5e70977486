"""The contract suite of networks fails for components with a fault, and passes one that says it cannot be pruned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from search_space import Architecture, RefusedArchitecture
from search_space.attentions import attentions
from search_space.contracts import Attention
from testing.network_contract import Network, NetworkContract, network_of
from trainers.export.component_sizes import _sizes_of
from trainers.export.node_costs import known_costs
from trainers.export.size_estimate import content_of

SUITE = NetworkContract()


@pytest.fixture(autouse=True)
def learned_costs_are_forgotten() -> Iterator[None]:
    """What is learned of a component with a fault also changes the costs of parts that others share."""
    yield
    for cached in (known_costs, content_of, _sizes_of):
        cached.cache_clear()


class FixedChannels(Attention):
    """Its reshape contains the number of channels, which a cut does not change."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(x.shape[0], self.channels, -1)
        return x * torch.sigmoid(rows.mean(dim=2))[:, :, None, None]


class DeclaredFixedChannels(FixedChannels):
    prunable = False


class LossBranch(Attention):
    """Has a layer that inference does not use."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.for_the_loss = nn.Linear(channels, 200)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            x = x + self.for_the_loss(x.mean(dim=(2, 3))).mean()
        return x


class DroppedLossBranch(LossBranch):
    def fused_for_export(self) -> nn.Module:
        del self.for_the_loss
        return self


class NodesByWidth(Attention):
    """The number of its ONNX nodes depends on its width."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.turns = channels // 2

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.turns):
            x = torch.sin(x)
        return x


class OwnRandomNumbers(Attention):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.scale = nn.Parameter(torch.from_numpy(np.random.default_rng().random((channels, 1, 1))).float())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


@contextmanager
def network_with(component: type[Attention]) -> Iterator[Network]:
    """A network with a component that is in no catalog."""
    with attentions.temporary(component.__name__, component):
        yield network_of({"attention": component.__name__})


class TestDeclaredFixedChannels(NetworkContract):
    def networks(self) -> Sequence[Mapping[str, Any]]:
        return [{"attention": "DeclaredFixedChannels"}]

    def registered(self) -> AbstractContextManager[None]:
        return attentions.temporary("DeclaredFixedChannels", DeclaredFixedChannels)


def test_a_component_that_breaks_when_it_is_pruned_must_say_so(tmp_path: Path) -> None:
    with network_with(FixedChannels) as network, pytest.raises(AssertionError, match="declare `prunable = False`"):
        SUITE.test_it_is_pruned_and_its_file_reads_alike_or_it_is_refused(network, tmp_path)
    with attentions.temporary("fixed", DeclaredFixedChannels):
        assert Architecture(attention="fixed").prune_percent == 0
        with pytest.raises(RefusedArchitecture, match="attention fixed cannot be pruned; use another one, or prune_percent 0"):
            Architecture(attention="fixed", prune_percent=30, prune_criterion="l1")


def test_a_branch_for_training_must_be_dropped() -> None:
    with network_with(LossBranch) as network:
        for check in (
            SUITE.test_nothing_that_only_training_uses_is_exported,
            SUITE.test_the_estimated_size_is_that_of_the_file,
        ):
            with pytest.raises(AssertionError):
                check(network)
    with network_with(DroppedLossBranch) as network:
        SUITE.test_nothing_that_only_training_uses_is_exported(network)
        SUITE.test_the_estimated_size_is_that_of_the_file(network)


def test_nodes_must_not_depend_on_the_width() -> None:
    with network_with(NodesByWidth) as network, pytest.raises(AssertionError, match="fp32"):
        SUITE.test_the_estimated_size_is_that_of_the_file(network)


def test_random_numbers_must_come_from_torch() -> None:
    with network_with(OwnRandomNumbers) as network, pytest.raises(AssertionError, match=r"other values of \S+scale"):
        SUITE.test_the_same_seed_gives_the_same_weights_and_gradients(network)


def test_a_temporary_choice_goes_and_may_not_replace_another() -> None:
    before = attentions.names()
    with attentions.temporary("fixed", FixedChannels):
        assert "fixed" in attentions.names() and attentions["fixed"] is FixedChannels
        assert not attentions.is_built_in("fixed") and attentions.is_built_in("eca")
    assert attentions.names() == before
    with pytest.raises(ValueError, match="attention 'eca' is registered already"), attentions.temporary("eca", FixedChannels):
        pass
