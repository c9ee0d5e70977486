"""BatchNorm's running statistics anew: after a cut, what they say is of another network.

Source: EagleEye: Fast Sub-net Evaluation for Efficient Neural Network Pruning, 2020 (arXiv:2007.02491), adaptive BatchNorm.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from search_space.recognizer import Recognizer
from trainers.base.preprocess import to_input
from trainers.base.width_batches import equal_width_batches
from trainers.batching.collate import DecodedLines
from trainers.evaluation.metrics import evenly_spaced


def image_batches(recognizer: Recognizer, lines: DecodedLines, at_most: int) -> Iterator[torch.Tensor]:
    """Batches (N, 3, H, W) of lines spread evenly over a set, each at its canonical width."""
    chosen = evenly_spaced(len(lines), at_most)
    a = recognizer.architecture
    for group, width_px in equal_width_batches([int(lines.widths[i]) for i in chosen], a.time_stride, a.height_px):
        yield torch.from_numpy(to_input([lines.image(chosen[i]) for i in group], width_px, recognizer.contrast))


@torch.no_grad()
def recalibrate(recognizer: Recognizer, lines: DecodedLines, at_most: int) -> None:
    """Replaces every BatchNorm's running mean and variance by the average over clean training lines.

    Args:
        recognizer: changed in place, and left in eval mode.
        lines: training lines.
        at_most: how many are looked at.
    """
    norms = [m for m in _in_use(recognizer) if isinstance(m, _BatchNorm) and m.track_running_stats]
    before = [(norm.momentum, copy.deepcopy(dict(norm.named_buffers()))) for norm in norms]
    recognizer.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over all batches
        norm.train()
    device = next(recognizer.parameters()).device
    for images in image_batches(recognizer, lines, at_most):
        try:
            recognizer(images.to(device))
        except ValueError:  # a line alone has nothing to vary in a norm of pooled maps; others will do
            continue
    for norm, (momentum, held) in zip(norms, before, strict=True):
        norm.momentum = momentum
        if not norm.num_batches_tracked:
            norm.load_state_dict(held, strict=False)
    recognizer.eval()


def _in_use(recognizer: Recognizer) -> Sequence[nn.Module]:
    """All modules but those of the auxiliary, which reading does not run."""
    auxiliary = set() if recognizer.auxiliary is None else set(recognizer.auxiliary.modules())
    return [module for module in recognizer.modules() if module not in auxiliary]
