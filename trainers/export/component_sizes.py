"""Counts the weights and nodes of each component of a recogniser once: architectures of a search have most of them in common.

Decisions:
- The cache key of a component is its class and its constructor arguments, which alone determine it (`search_space.contracts`).
- A component is built, counted and dropped: only the kinds of its weights and parts and their numbers are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from torch import nn

from search_space.architecture import Architecture
from search_space.fusing import fuse_in_place
from search_space.recognizer import Recognizer
from trainers.export.inventory import Weight, code_of, has_code, parts_of, weights_of
from trainers.export.skip_init import without_initialisation

PROMISED = ("level_channels", "level_heights", "out_channels", "pool_width", "out_features")
"""Attributes of a component that later components are built from."""


class ComponentSizes(nn.Module):
    """The counts of a component or of a whole network; takes the component's place in the network.

    Attributes:
        codes: number of parts for each `Part.code`.
        weights: number of float tensors of each kind.
    """

    def __init__(self, codes: Counter[str], weights: Counter[Weight]) -> None:
        super().__init__()
        self.codes, self.weights = codes, weights


def component_sizes(architecture: Architecture, symbols: int) -> ComponentSizes:
    """The counts of a recogniser in its final form, before any pruning.

    Args:
        architecture: without an auxiliary loss, which is not exported.
        symbols: characters in the charset.

    Raises:
        RefusedArchitecture: it cannot be built.
    """
    network = Recognizer(architecture, symbols, make=_sizes_of)
    codes, weights = Counter([code_of(network)]), Counter[Weight]()
    for component in network.children():
        if isinstance(component, ComponentSizes):
            codes.update(component.codes)
            weights.update(component.weights)
        else:
            weights.update(weights_of(component))
    return ComponentSizes(codes, weights)


@lru_cache(maxsize=2048)
def _sizes_of(component: Callable[..., Any], *arguments: Any) -> nn.Module:
    """The counts of one component; a component that is a single torch layer is returned as it is."""
    with without_initialisation():
        built: nn.Module = component(*arguments)
        promised = {name: getattr(built, name) for name in PROMISED if hasattr(built, name)}
        (final,) = fuse_in_place(nn.Sequential(built))
    if not has_code(final):
        return final
    sizes = ComponentSizes(Counter(part.code for part in parts_of(final)), Counter(weights_of(final)))
    for name, value in promised.items():
        setattr(sizes, name, tuple(value) if isinstance(value, list) else value)
    return sizes
