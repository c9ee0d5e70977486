"""Max pooling over all rows that are left."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from search_space.catalog import Citation
from search_space.contracts import Pooling
from search_space.poolings import poolings


@poolings.register(
    "max",
    Citation(
        "An End-to-End Trainable Neural Network for Image-based Sequence Recognition (CRNN)",
        2015,
        "https://arxiv.org/abs/1507.05717",
    ),
)
class MaxPool(Pooling):
    """The largest value of each window."""

    def __init__(self, channels: int, kernel: tuple[int, int]) -> None:
        super().__init__(channels, kernel)
        self.kernel = kernel

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, self.kernel, self.kernel)
