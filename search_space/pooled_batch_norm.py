"""BatchNorm of maps that have one pixel."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class PooledBatchNorm(nn.BatchNorm2d):
    """BatchNorm of (N, C, 1, 1) maps that also trains on a batch of one.

    A batch of one has one value per channel and no variance, so torch refuses it. Such a batch is normalised with the running
    statistics and does not change them.
    """

    def forward(self, input: Tensor) -> Tensor:
        if self.training and input.shape[0] == 1:
            return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        return super().forward(input)
