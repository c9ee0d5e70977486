"""No attention."""

from __future__ import annotations

from torch import Tensor

from search_space.attentions import attentions
from search_space.catalog import Citation
from search_space.contracts import Attention


@attentions.register("none", Citation("Deep Residual Learning for Image Recognition", 2015, "https://arxiv.org/abs/1512.03385"))
class NoAttention(Attention):
    """Returns its input."""

    def forward(self, x: Tensor) -> Tensor:
        return x
