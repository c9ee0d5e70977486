"""No encoder: the time steps do not depend on each other."""

from __future__ import annotations

from torch import Tensor

from search_space.catalog import Citation
from search_space.contracts import Encoder
from search_space.encoders import encoders


@encoders.register(
    "none",
    Citation(
        "Rosetta: Large Scale System for Text Detection and Recognition in Images", 2018, "https://arxiv.org/abs/1910.05085"
    ),
)
class NoEncoder(Encoder):
    """Returns its input."""

    def __init__(self, in_features: int, hidden: int, layers: int) -> None:
        super().__init__(in_features, hidden, layers)
        self.out_features = in_features

    def forward(self, columns: Tensor) -> Tensor:
        return columns
