"""How much a network would inherit from another, worked out from the two architectures alone."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch

from search_space.architecture import Architecture, RefusedArchitecture
from search_space.recognizer import build_recognizer
from trainers.inherit.inherit import inherit
from trainers.inherit.relative import Relative

MOST_CACHED = 4096
"""Pairs whose share is kept: a number each, while building the two networks takes 0.1 to 0.3 s."""


def inherited_share(child: Architecture, parent: Architecture, charset: tuple[str, ...], nested: bool = False) -> float:
    """The share of its parameters that a network would inherit from one of another architecture with the same charset.

    Args:
        child: of the new network.
        parent: of the trained one, as it was before pruning.
        charset: symbols of both.
        nested: see `Relative`.

    Returns:
        In [0, 1]; 0 if one of them cannot be built.
    """
    return _share(child.with_(precision="fp32"), parent.with_(precision="fp32"), charset, nested)


@lru_cache(maxsize=MOST_CACHED)
def _share(child: Architecture, parent: Architecture, charset: tuple[str, ...], nested: bool) -> float:
    try:
        with torch.random.fork_rng(devices=[]):
            networks = [build_recognizer(architecture, len(charset)) for architecture in (child, parent)]
            relative = replace(Relative.of(networks[1], charset), nested=nested)
            return inherit(networks[0], charset, relative, "first").share
    except RefusedArchitecture:
        return 0.0
