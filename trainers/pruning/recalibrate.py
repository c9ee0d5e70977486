"""Measures BatchNorm's running statistics again: after a cut, the old ones describe another network.

Decisions:
- Lines run in batches of one width, because the reader pads no line. There are a few batches of many lines and many batches of
  a few, so each batch counts by its number of values. The result is the mean and the variance over all values of all batches.

Source: EagleEye: Fast Sub-net Evaluation for Efficient Neural Network Pruning, 2020 (arXiv:2007.02491), adaptive BatchNorm.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from search_space.recognizer import Recognizer
from trainers.base.preprocess import to_input
from trainers.base.width_batches import equal_width_batches
from trainers.batching.collate import DecodedLines
from trainers.evaluation.metrics import evenly_spaced


def image_batches(recognizer: Recognizer, lines: DecodedLines, at_most: int) -> Iterator[Tensor]:
    """Yields batches (N, 3, H, W) of evenly spaced lines, each at its canonical width."""
    chosen = evenly_spaced(len(lines), at_most)
    a = recognizer.architecture
    for group, width_px in equal_width_batches([int(lines.widths[i]) for i in chosen], a.time_stride, a.height_px):
        yield torch.from_numpy(to_input([lines.image(chosen[i]) for i in group], width_px, recognizer.contrast))


@torch.no_grad()
def recalibrate(recognizer: Recognizer, lines: DecodedLines, at_most: int) -> None:
    """Replaces the running mean and variance of every BatchNorm by those of training lines without augmentation.

    Meanwhile each norm normalises by the statistics of its batch, as in training.

    Args:
        recognizer: the network; changed in place, and left in eval mode.
        lines: training lines.
        at_most: largest number of lines to use; 0 uses all.
    """
    norms = [m for m in _in_use(recognizer) if isinstance(m, _BatchNorm) and m.track_running_stats]
    before = [copy.deepcopy(dict(norm.named_buffers())) for norm in norms]
    statistics = [_Statistics(norm) for norm in norms]
    recognizer.eval()
    for norm in norms:
        norm.train()
    device = next(recognizer.parameters()).device
    for images in image_batches(recognizer, lines, at_most):
        try:
            recognizer(images.to(device))
        except ValueError:  # a line alone has nothing to vary in a norm of pooled maps; others will do
            continue
    for norm, held, measured in zip(norms, before, statistics, strict=True):
        norm.load_state_dict(held, strict=False)  # also the count of batches, which the forward passes have raised
        measured.write_to(norm)
    recognizer.eval()


@torch.no_grad()
def measure_folded_norms(recognizer: Recognizer, lines: DecodedLines, at_most: int) -> None:
    """Gives every BatchNorm the statistics of its inputs, and a scale and shift with which eval mode computes what it did.

    A network whose norms were folded into convolutions can be trained further afterwards: in training a norm normalises by the
    statistics of the batch, and its scale makes up for that.

    Args:
        recognizer: changed in place, and left in eval mode.
        lines: training lines.
        at_most: how many are looked at; 0 means all.
    """
    norms = [m for m in _in_use(recognizer) if isinstance(m, _BatchNorm) and m.track_running_stats]
    statistics = [_Statistics(norm) for norm in norms]
    recognizer.eval()
    device = next(recognizer.parameters()).device
    for images in image_batches(recognizer, lines, at_most):
        recognizer(images.to(device))
    for norm, measured in zip(norms, statistics, strict=True):
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        shift = norm.bias - norm.running_mean * scale
        measured.write_to(norm)
        norm.weight.copy_(scale * (norm.running_var + norm.eps).sqrt())
        norm.bias.copy_(shift + norm.running_mean * scale)


class _Statistics:
    """Accumulates the mean and variance of all inputs of a norm, by channel.

    Args:
        norm: the norm; its inputs are recorded until `write_to` is called.
    """

    def __init__(self, norm: _BatchNorm) -> None:
        self._count = 0
        self._mean = torch.zeros(norm.num_features, dtype=torch.float64)
        self._squares = torch.zeros(norm.num_features, dtype=torch.float64)  # sum of squared distances from the mean
        self._hook = norm.register_forward_pre_hook(self._add)

    def _add(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Adds a batch (N, C, ...), by the parallel form of Welford's algorithm (Chan et al., 1979)."""
        values = inputs[0].transpose(0, 1).flatten(1)
        variance, mean = (t.double().cpu() for t in torch.var_mean(values, dim=1, correction=0))
        count = values.shape[1]
        distance = mean - self._mean
        total = self._count + count
        self._mean += distance * (count / total)
        self._squares += variance * count + distance**2 * (self._count * count / total)
        self._count = total

    def write_to(self, norm: _BatchNorm) -> None:
        """Stops recording, and sets the norm's running statistics if it has received at least two values."""
        self._hook.remove()
        if self._count > 1:
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean.copy_(self._mean)
            norm.running_var.copy_(self._squares / (self._count - 1))


def _in_use(recognizer: Recognizer) -> Sequence[nn.Module]:
    """All modules except those of the auxiliary loss, which inference does not run."""
    auxiliary = set() if recognizer.auxiliary is None else set(recognizer.auxiliary.modules())
    return [module for module in recognizer.modules() if module not in auxiliary]
