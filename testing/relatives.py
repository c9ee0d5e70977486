"""Small networks with distinct weights, and comparisons of what two networks compute, for tests of inheritance."""

from __future__ import annotations

import torch
from torch import Tensor

from search_space.architecture import Architecture
from search_space.recognizer import Recognizer, build_recognizer
from testing.random_weights import randomize_vectors

CHARSET = tuple("0123456789")
"""Symbols of the networks, unless a test says otherwise."""

SMALL = Architecture(width_percent=25, encoder_hidden=16, encoder_layers=1)
"""An architecture that is built and run fast."""


def trained(architecture: Architecture, symbols: int = len(CHARSET), seed: int = 0) -> Recognizer:
    """A network with distinct values in every vector, as after a training."""
    torch.manual_seed(seed)
    recognizer = randomize_vectors(build_recognizer(architecture, symbols), seed)
    assert isinstance(recognizer, Recognizer)
    return recognizer.eval()


def fresh(architecture: Architecture, symbols: int = len(CHARSET), seed: int = 1) -> Recognizer:
    torch.manual_seed(seed)
    return build_recognizer(architecture, symbols).eval()


@torch.no_grad()
def logits(recognizer: Recognizer) -> Tensor:
    images = torch.rand(2, 3, recognizer.architecture.height_px, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return torch.as_tensor(recognizer.double()(images.double()))


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)
