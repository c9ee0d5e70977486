"""What each component of a recogniser brings into its file, read off once: architectures of a search share most of them.

Decisions:
- A component is known by its class and what it is built from (`search_space.contracts`); nothing else may shape it.
- It is built, read and let go: of thousands of networks only kinds and counts of weights and parts are kept.
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
"""What components are asked about by those that are built after them."""


class ComponentSizes(nn.Module):
    """Stands for a component that has been read off, or for a whole network of such.

    Attributes:
        codes: `Part.code` to how many parts have it.
        weights: kinds of float tensors, and how many there are of each.
    """

    def __init__(self, codes: Counter[str], weights: Counter[Weight]) -> None:
        super().__init__()
        self.codes, self.weights = codes, weights


def component_sizes(architecture: Architecture, symbols: int) -> ComponentSizes:
    """What a recogniser holds in its final form, before any pruning.

    Args:
        architecture: without an auxiliary loss, which is gone then.
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
    """Sizes of one component; one that is a single layer of torch stands for itself."""
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
