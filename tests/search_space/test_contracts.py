"""Tests of every component in every catalog; a new file is tested without a new test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from examples.component import SimAM
from search_space.architecture import Architecture, RefusedArchitecture
from search_space.attentions import attentions
from search_space.auxiliaries import auxiliaries
from search_space.contracts import Features
from search_space.heads import heads
from search_space.rules import CATALOGS
from testing.component_cases import (
    GEOMETRIES,
    SYMBOLS,
    ComponentCase,
    attention_cases,
    backbone_cases,
    backbone_names,
    backbone_of,
    component_cases,
)
from testing.component_contract import ComponentContract, outputs
from testing.network_contract import NetworkContract, component_networks

CASES = component_cases()


class TestEveryComponent(ComponentContract):
    def cases(self) -> Sequence[ComponentCase]:
        return CASES


class TestSomeNetworks(NetworkContract):
    """Every sixth; the other tiers have the others."""

    def networks(self) -> Sequence[Mapping[str, Any]]:
        return component_networks()[::6]


@pytest.mark.slow
class TestFurtherNetworks(NetworkContract):
    """Another sixth."""

    def networks(self) -> Sequence[Mapping[str, Any]]:
        return component_networks()[1::6]


@pytest.mark.slow
@pytest.mark.thorough
class TestTheOtherNetworks(NetworkContract):
    def networks(self) -> Sequence[Mapping[str, Any]]:
        return [fields for number, fields in enumerate(component_networks()) if number % 6 > 1]


class TestExampleComponent(ComponentContract):
    """The example in `examples/component.py`, as a package of its own would test it."""

    def cases(self) -> Sequence[ComponentCase]:
        return list(attention_cases("simam", SimAM))


class TestExampleNetworks(NetworkContract):
    """The same, for networks with it."""

    def networks(self) -> Sequence[Mapping[str, Any]]:
        return [{"attention": "simam"}]

    def registered(self) -> AbstractContextManager[None]:
        return attentions.temporary("simam", SimAM)


@pytest.mark.parametrize("name", backbone_names())
@pytest.mark.parametrize(("height", "stride"), GEOMETRIES)
def test_backbones_keep_their_promises_at_every_geometry(name: str, height: int, stride: int) -> None:
    for case in backbone_cases([name], geometries=[(height, stride)]):
        module = case.build().eval()
        with torch.no_grad():
            shapes = [tuple(out.shape) for out in outputs(module, case.draw(1, 2))]
        assert shapes == case.out(1, 2 * case.unit)
        rows = [shape[2] for shape in shapes]
        assert all(a % b == 0 for a, b in pairwise(rows)), "a neck spreads rows by whole numbers"


@pytest.mark.parametrize("name", backbone_names())
def test_a_wider_backbone_has_more_weights(name: str) -> None:
    from search_space.contracts import BackboneRequest

    if name.startswith("timm/"):
        pytest.skip("the widths of a timm model are its own")
    sizes = []
    for percent in (25, 50, 100, 125):
        with torch.device("meta"):
            backbone = backbone_of(BackboneRequest(name, percent, "none", "standard", "none", 32, 4))
        sizes.append(sum(p.numel() for p in backbone.parameters()))
    assert sizes == sorted(set(sizes))


@pytest.fixture
def lines() -> tuple[Tensor, Tensor]:
    """Targets (4, 5) padded with 0 and their lengths, one of them a single symbol."""
    targets = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 0, 0, 0], [2, 3, 2, 0, 0], [4, 0, 0, 0, 0]])
    return targets, torch.tensor([5, 2, 3, 1])


@pytest.mark.parametrize("name", list(heads))
def test_heads_give_one_loss_a_line_that_padding_does_not_change(name: str, lines: tuple[Tensor, Tensor]) -> None:
    targets, lengths = lines
    head = heads[name](12, SYMBOLS, 8).eval()
    steps = torch.randn(4, 16, 12, requires_grad=True)
    losses = head.loss(steps, targets, lengths)
    assert losses.shape == (4,) and losses.dtype == torch.float32 and bool((losses > 0).all())
    losses.sum().backward()
    assert steps.grad is not None and bool(steps.grad.flatten(1).any(1).all())
    alone = head.loss(steps[1:2], targets[1:2, :2], lengths[1:2], torch.tensor([16]))
    torch.testing.assert_close(losses[1:2], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", [n for n in heads if heads[n].decoding == "ctc"])
def test_ctc_looks_only_at_the_steps_that_hold_image(name: str, lines: tuple[Tensor, Tensor]) -> None:
    targets, lengths = lines
    head = heads[name](12, SYMBOLS, 8).eval()
    steps = torch.randn(4, 16, 12)
    short = head.loss(steps, targets, lengths, torch.tensor([12, 16, 9, 16]))
    changed = steps.clone()
    changed[0, 12:] = 5.0
    torch.testing.assert_close(short, head.loss(changed, targets, lengths, torch.tensor([12, 16, 9, 16])))


@pytest.mark.parametrize("name", list(auxiliaries))
def test_auxiliaries_add_a_loss_a_line_and_reach_what_they_look_at(name: str, lines: tuple[Tensor, Tensor]) -> None:
    targets, lengths = lines
    auxiliary = auxiliaries[name](16, 24, SYMBOLS, 32).train()
    images = torch.randn(4, 3, 32, 64).clamp(-1, 1)
    maps = [torch.randn(4, 16, 8, 32, requires_grad=True)]
    columns = torch.randn(4, 16, 24, requires_grad=True)
    assert auxiliary.degrade(images).shape == images.shape
    losses = auxiliary.loss(Features(maps, maps[0], columns, columns), images, targets, lengths)
    assert losses.shape == (4,) and bool(losses.isfinite().all())
    losses.sum().backward()
    assert any(t.grad is not None and bool(t.grad.any()) for t in (maps[0], columns))
    assert torch.equal(auxiliary.eval().degrade(images), images), "nothing is degraded outside of training"


@pytest.mark.parametrize("field", list(CATALOGS))
def test_a_misspelt_component_is_answered_with_the_nearest_one(field: str) -> None:
    for name in CATALOGS[field].choices():
        with pytest.raises(RefusedArchitecture, match=rf"(?s){field}: no .* is called '{name}x'; did you mean '.*known: "):
            Architecture(**{field: name + "x"})


@pytest.mark.parametrize("field", list(CATALOGS))
def test_every_component_names_its_paper(field: str) -> None:
    for name in CATALOGS[field]:
        paper = CATALOGS[field].citation(name)
        assert paper is not None and paper.title and 1980 < paper.year < 2100 and paper.url.startswith("https://")
        assert CATALOGS[field][name].__doc__
