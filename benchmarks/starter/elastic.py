"""Networks that share weights: every width, neck, encoder and attention of a family is a part of one set of weights.

For each combination of neck, encoder and attention there is a network of full width. What two of them have in common under the
same name is one tensor. Narrower networks own nothing: their weights are slices of those of the full-width network, the same
ones that `trainers.inherit` cuts out later (channels = "first"), so they are trained to be good slices.

Decisions:
- BatchNorm's running statistics are not shared: those of a slice are not a slice of those of the whole (Yu et al., 2019).
- A slice is taken at each step and keeps its gradient, so an optimizer sees the shared weights only.
- A branch of LCNet's that a narrower network has and the whole one lacks adds nothing: there is nothing that it could be cut
  out of.

Source: slimmable networks: Yu et al., 2019 (arXiv:1812.08928); the sandwich rule with in-place distillation: Yu & Huang, 2019
(arXiv:1903.05134); one set of weights for a search space: Yu et al., BigNAS, 2020 (arXiv:2003.11142).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from search_space import Architecture
from search_space.recognizer import Recognizer, build_recognizer
from trainers.inherit.family_file import WeightsFamily
from trainers.inherit.importance import group_scores
from trainers.inherit.inherit import inherit
from trainers.inherit.layout import layout_of
from trainers.inherit.matching import Matching
from trainers.inherit.shortcuts import gained_branches
from trainers.inherit.starter import closest, relative_from
from trainers.inherit.values import Layout


@dataclass(frozen=True)
class Choices:
    """What a family is made of; the first of each is the main one.

    Attributes:
        widths: percent, widest first.
        necks, encoders, attentions: components of the search space.
    """

    widths: tuple[int, ...]
    necks: tuple[str, ...]
    encoders: tuple[str, ...]
    attentions: tuple[str, ...]

    def combinations(self) -> Iterator[dict[str, str]]:
        """Every combination of neck, encoder and attention, the main one first."""
        for neck, encoder, attention in itertools.product(self.necks, self.encoders, self.attentions):
            yield {"neck": neck, "encoder": encoder, "attention": attention}


class Member(nn.Module):
    """One network of a family, of full width or narrower.

    Args:
        network: built for its architecture; a narrower one's parameters are never used.
        slices: parameter of the network to the indices along each axis of the full-width network's; None for a network of full
            width.
        whole: the full-width network.
    """

    def __init__(self, network: Recognizer, slices: Mapping[str, tuple[Tensor, ...]] | None, whole: Recognizer) -> None:
        super().__init__()
        self.network = network
        self._slices = slices
        self._whole = [whole]  # in a list: its parameters are not this module's

    def forward(self, function: Any, *arguments: Any) -> Any:
        """Calls a function of the network with its present weights; `call` is how to use it."""
        return function(self.network, *arguments)

    def call(self, function: Any, *arguments: Any) -> Any:
        """`function(network, *arguments)` with the weights that the network has now; gradients reach the shared ones."""
        if self._slices is None:
            return function(self.network, *arguments)
        shared = dict(self._whole[0].named_parameters(remove_duplicate=False))
        weights = {f"network.{name}": shared[name][index] for name, index in self._slices.items()}
        return functional_call(self, weights, (function, *arguments))

    @torch.no_grad()
    def detached(self) -> Recognizer:
        """The network with its own copies of the weights."""
        if self._slices is not None:
            shared = dict(self._whole[0].named_parameters(remove_duplicate=False))
            own = dict(self.network.named_parameters())
            for name, index in self._slices.items():
                own[name].copy_(shared[name][index])
        return self.network


class Family:
    """All networks that share weights.

    Args:
        architecture: the main one; its width, neck, encoder and attention are replaced by the choices.
        choices: what the family is made of.
        charset: symbols, in the order of the outputs.
        seed: of the initial weights.
    """

    def __init__(self, architecture: Architecture, choices: Choices, charset: tuple[str, ...], seed: int = 0) -> None:
        self._charset, self._choices = charset, choices
        torch.manual_seed(seed)
        self._whole: dict[tuple[str, ...], Recognizer] = {}
        self._members: dict[tuple[Any, ...], Member] = {}
        main: Recognizer | None = None
        for combination in choices.combinations():
            network = build_recognizer(architecture.with_(width_percent=choices.widths[0], **combination), len(charset))
            network.contrast = "even"
            if main is None:
                main = network
            for earlier in self._whole.values():
                _tie(network, earlier, charset)
            self._whole[tuple(combination.values())] = network

    def member(self, width_percent: int, neck: str, encoder: str, attention: str) -> Member:
        """One of the networks; built at the first call."""
        key = (width_percent, neck, encoder, attention)
        if key not in self._members:
            whole = self._whole[neck, encoder, attention]
            if width_percent == self._choices.widths[0]:
                self._members[key] = Member(whole, None, whole)
            else:
                narrow = build_recognizer(whole.architecture.with_(width_percent=width_percent), len(self._charset))
                narrow.contrast = "even"
                self._members[key] = Member(narrow, _slices(narrow, whole, self._charset), whole)
        return self._members[key]

    def parameters(self) -> list[nn.Parameter]:
        """Every shared tensor once."""
        found: dict[int, nn.Parameter] = {}
        for network in self._whole.values():
            for parameter in network.parameters():
                found.setdefault(id(parameter), parameter)
        return list(found.values())

    @torch.no_grad()
    def begin(self, earlier: WeightsFamily) -> None:
        """Takes over weights of an earlier training; what it did not have keeps its initial values.

        Args:
            earlier: of this family, or of another one, whose encoders and heads are taken over.
        """
        for network in self._whole.values():
            shared = earlier.networks[closest(earlier, network.architecture)]
            inherit(network, self._charset, relative_from(shared, earlier.charset))

    def networks(self) -> dict[tuple[str, ...], Recognizer]:
        """Neck, encoder and attention to the network of full width."""
        return dict(self._whole)


def _tie(network: Recognizer, earlier: Recognizer, charset: tuple[str, ...]) -> None:
    """Replaces parameters of a network by those of an earlier one that mean the same and are as large."""
    matching, theirs = _matching(network, earlier, charset), dict(earlier.named_parameters())
    for name, parameter in list(network.named_parameters()):
        sources = matching.sources(name)
        if sources is not None and theirs[name].shape == parameter.shape and all(a == list(range(len(a))) for a in sources):
            owner, _, leaf = name.rpartition(".")
            setattr(network.get_submodule(owner), leaf, theirs[name])


def _slices(narrow: Recognizer, whole: Recognizer, charset: tuple[str, ...]) -> dict[str, tuple[Tensor, ...]]:
    """For each parameter of a narrow network, the indices along each axis of the whole one's."""
    matching, found = _matching(narrow, whole, charset), {}
    gained = gained_branches(narrow, whole)
    for name, parameter in narrow.named_parameters():
        if name.rpartition(".")[0] in gained:
            nn.init.zeros_(parameter.requires_grad_(False))
            continue
        sources = matching.sources(name)
        if sources is None or any(index < 0 for axis in sources for index in axis):
            raise ValueError(f"{name} {tuple(parameter.shape)} is no slice of the network of full width")
        axes = [torch.tensor(axis) for axis in sources]
        found[name] = tuple(axis.reshape((1,) * i + (-1,) + (1,) * (len(axes) - i - 1)) for i, axis in enumerate(axes))
    return found


def _matching(child: Recognizer, relative: Recognizer, charset: tuple[str, ...]) -> Matching:
    """Which entries correspond, with the first channels of a wider network."""
    layouts: tuple[Layout, Layout] = (layout_of(child, charset), layout_of(relative, charset))
    scores = {name: torch.zeros_like(score) for name, score in group_scores(relative, layouts[1]).items()}
    return Matching(child, relative, layouts, scores)
