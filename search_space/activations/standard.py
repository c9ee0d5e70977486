"""The activation that the backbone's paper uses at each place."""

from __future__ import annotations

from torch import Tensor, nn

from search_space.activations import activations
from search_space.catalog import Citation, nearest
from search_space.contracts import Activation

KINDS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hardswish": nn.Hardswish,
    "swish": nn.SiLU,
    "gelu": nn.GELU,
}


@activations.register("standard", Citation("Searching for MobileNetV3 (h-swish)", 2019, "https://arxiv.org/abs/1905.02244"))
class Standard(Activation):
    """The function named by `standard`; nothing to learn.

    Raises:
        ValueError: a function it does not know.
    """

    def __init__(self, channels: int, standard: str) -> None:
        super().__init__(channels, standard)
        if standard not in KINDS:
            raise ValueError(f"no activation is called '{standard}'{nearest(standard, list(KINDS))}")
        self.function = KINDS[standard]()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.function(x)
        return out
