"""Anti-aliased pooling: maxima at every column, which are blurred before the columns are subsampled."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from search_space.catalog import Citation
from search_space.contracts import Pooling
from search_space.poolings import poolings

MEANS = 3
"""Two-tap means in a row: three of them are the filter [1, 3, 3, 1] / 8."""


@poolings.register(
    "blur", Citation("Making Convolutional Networks Shift-Invariant Again (BlurPool)", 2019, "https://arxiv.org/abs/1904.11486")
)
class BlurPool(Pooling):
    """Max over all rows and `kernel` columns at stride 1, then a 4-tap blur along the columns at the pooling's stride.

    The blur is three two-tap means in a row: it has no weights, so nothing is stored and pruning passes through it.
    The edges are repeated, which works at any width.
    """

    def __init__(self, channels: int, kernel: tuple[int, int]) -> None:
        super().__init__(channels, kernel)
        self.kernel = kernel

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = self.kernel
        x = F.pad(F.max_pool2d(x, self.kernel, (rows, 1)), (1, MEANS - 1, 0, 0), mode="replicate")
        for mean in range(MEANS):
            x = F.avg_pool2d(x, (1, 2), (1, columns if mean == MEANS - 1 else 1))
        return x
