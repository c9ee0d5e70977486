"""Networks of a family share weights: a narrow one is what inheritance cuts out of the whole, and its gradients reach it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from benchmarks.starter.elastic import Choices, Family
from search_space import Architecture
from search_space.recognizer import build_recognizer
from trainers.inherit.family_file import SharedNetwork, WeightsFamily
from trainers.inherit.inherit import inherit
from trainers.inherit.relative import Relative
from trainers.inherit.weights_file import WeightsRecord

CHARSET = tuple("abc")
CHOICES = Choices((50, 25), ("fpn_a", "none"), ("svtr", "gru"), ("squeeze_excite",))
MAIN = (50, "fpn_a", "svtr", "squeeze_excite")


@pytest.fixture(scope="module")
def family() -> Family:
    return Family(Architecture(encoder_hidden=16, encoder_layers=1), CHOICES, CHARSET)


def test_full_width_networks_have_one_backbone(family: Family) -> None:
    first, *others = family.networks().values()
    of_first = dict(first.backbone.named_parameters())
    for other in others:
        common = [(p, of_first[n]) for n, p in other.backbone.named_parameters() if n in of_first]
        assert len(common) > 0.8 * len(of_first)
        assert all(mine is theirs for mine, theirs in common if mine.shape == theirs.shape)
    assert len(family.parameters()) < sum(len(list(n.parameters())) for n in family.networks().values())


@pytest.mark.parametrize("key", [(25, "fpn_a", "svtr"), (25, "none", "gru"), (25, "none", "svtr")])
def test_a_narrow_network_is_a_slice_with_gradients(family: Family, key: tuple[int, str, str]) -> None:
    member, images = family.member(*key, "squeeze_excite"), torch.randn(2, 3, 32, 64)
    member.train()
    for parameter in family.parameters():
        parameter.grad = None
    member.call(lambda network: network(images)).square().mean().backward()
    reached = [p for p in family.parameters() if p.grad is not None and p.grad.abs().sum() > 0]
    assert len(reached) > 0.8 * len(list(member.network.parameters()))
    member.eval()
    with torch.no_grad():
        before = member.call(lambda network: network(images))
        family.parameters()[0].mul_(1.5)
        after = member.call(lambda network: network(images))
        assert not torch.equal(before, after), "the shared weights are read at each call"
        assert torch.allclose(after, member.detached().eval()(images), atol=1e-5)


@pytest.fixture(scope="module")
def packed(family: Family) -> WeightsFamily:
    """What `family` is packed as, with the network of its main combination first."""
    networks = [
        SharedNetwork(network.architecture, {name: tensor + 1 for name, tensor in network.named_parameters()})
        for network in family.networks().values()
    ]
    return WeightsFamily(tuple(networks), CHARSET, WeightsRecord(epochs=1, lines=1, cer=None))


def test_a_training_continues_from_packed_networks(packed: WeightsFamily) -> None:
    larger = Choices((50, 25, 15), ("fpn_a", "none"), ("svtr", "gru", "none"), ("squeeze_excite",))
    other = Family(Architecture(encoder_hidden=16, encoder_layers=1), larger, CHARSET, seed=1)
    other.begin(packed)
    for shared in packed.networks:
        a = shared.architecture
        network = other.networks()[a.neck, a.encoder, a.attention]
        assert all(torch.equal(parameter, shared.parameters[name]) for name, parameter in network.named_parameters())


def test_another_backbone_takes_over_encoders_and_heads(packed: WeightsFamily) -> None:
    large = Architecture(backbone="mobilenetv3_large", encoder_hidden=16, encoder_layers=1)
    other = Family(large, CHOICES, CHARSET, seed=1)
    before = {key: {n: p.clone() for n, p in network.named_parameters()} for key, network in other.networks().items()}
    other.begin(packed)
    for shared in packed.networks:
        key = (shared.architecture.neck, shared.architecture.encoder, shared.architecture.attention)
        now = dict(other.networks()[key].named_parameters())
        assert torch.equal(now["head.classes.weight"], shared.parameters["head.classes.weight"])
        assert torch.equal(now["backbone.stem.conv.weight"], before[key]["backbone.stem.conv.weight"])


def test_inheritance_cuts_out_the_same_network(family: Family) -> None:
    whole, narrow = family.member(*MAIN), family.member(25, *MAIN[1:])
    child = build_recognizer(narrow.network.architecture, len(CHARSET))
    assert inherit(child, CHARSET, Relative.of(whole.network, CHARSET), "first").share == 1.0
    weights = dict(narrow.detached().named_parameters())
    assert all(torch.equal(parameter, weights[name]) for name, parameter in child.named_parameters())


@pytest.mark.parametrize("width", [25, 15])
def test_a_narrower_lcnet_is_what_inheritance_cuts_out(width: int) -> None:
    """Some of its blocks have a branch that those of full width lack."""
    choices = Choices((50, 25, 15), ("none",), ("svtr",), ("squeeze_excite",))
    lcnet = Family(Architecture(backbone="lcnet", encoder_hidden=16, encoder_layers=1), choices, CHARSET)
    whole, narrow = lcnet.member(50, "none", "svtr", "squeeze_excite"), lcnet.member(width, "none", "svtr", "squeeze_excite")
    child, images = build_recognizer(narrow.network.architecture, len(CHARSET)), torch.randn(2, 3, 32, 64)
    child.contrast = "even"
    narrow.train()
    narrow.call(lambda network: network(images)).square().mean().backward()
    assert all(p.grad is None for p in narrow.network.parameters() if not p.requires_grad)
    inherit(child, CHARSET, replace(Relative.of(whole.network, CHARSET), nested=True), "first")
    child.train()
    with torch.no_grad():
        assert torch.allclose(child(images), narrow.call(lambda network: network(images)), atol=1e-5)
