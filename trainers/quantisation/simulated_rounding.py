"""Rounds the weights of a torch network to the values that a coded file will hold.

Decisions:
- The steps are those of the export (`trainers.export.coded`): a share of the root mean square of each output channel, rounded
  to a quarter of an octave, a quarter as wide for delicate weights. What a training simulates is then what the file holds.
- The export folds a BatchNorm into the convolution before it, and takes the step of a channel after that. So a step is found
  with the scale of the norm, and divided by it.
- Weights are rounded in place and restored afterwards, so layers and losses run as they are. The gradient with respect to the
  rounded weights is used for the weights themselves: the straight-through estimator.

Source: Bengio et al., Estimating or Propagating Gradients Through Stochastic Neurons for Conditional Computation, 2013
    (arXiv:1308.3432); rounding that is simulated during training: Jacob et al., Quantization and Training of Neural Networks
    for Efficient Integer-Arithmetic-Only Inference, 2018 (arXiv:1712.05877).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from trainers.export.coded.channels import LEVELS_PER_OCTAVE
from trainers.export.coded.storing import step_of as step_of_shape
from trainers.export.inventory import folds
from trainers.export.precision import how_stored, step_of


@dataclass(frozen=True)
class CodedWeight:
    """A weight that a coded file rounds.

    Attributes:
        parameter: the weight.
        channel_axis: axis of its output channels.
        step: as a fraction of the root mean square of a channel.
        norm: the BatchNorm that the export folds into it; None without one.
    """

    parameter: nn.Parameter
    channel_axis: int
    step: float
    norm: _BatchNorm | None

    @torch.no_grad()
    def rounded(self) -> Tensor:
        """The values that the file will hold, without the scale of the norm."""
        weight = self.parameter.detach()
        others = [axis for axis in range(weight.ndim) if axis != self.channel_axis]
        sizes = torch.linalg.vector_norm(weight.float(), dim=others, keepdim=True)
        scale = self._norm_scale().view(sizes.shape) if self.norm is not None else torch.ones_like(sizes)
        sizes = sizes * scale * (weight.shape[self.channel_axis] / weight.numel()) ** 0.5
        exponents = torch.round(LEVELS_PER_OCTAVE * torch.log2(self.step * sizes))
        steps = torch.exp2(exponents / LEVELS_PER_OCTAVE) / scale
        is_filled = (sizes > 0) & (scale > 0)
        return torch.where(is_filled, torch.round(weight / steps) * steps, weight)

    def _norm_scale(self) -> Tensor:
        """What the folded norm multiplies each channel by, without its sign."""
        norm = self.norm
        assert norm is not None and norm.running_var is not None
        scale = torch.rsqrt(norm.running_var + norm.eps)
        return scale if norm.weight is None else scale * norm.weight.detach().abs()


class SimulatedRounding:
    """Rounds all weights of a network that a file of some precision codes.

    Args:
        network: in its final form (`trainers.export.onnx_file.final`), in which branches are merged.
        precision: `coded` or `coded_N`.

    Attributes:
        weights: those that are rounded.
    """

    def __init__(self, network: nn.Module, precision: str) -> None:
        self.weights = tuple(_coded_weights(network, precision))

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """A context in which the network has rounded weights; gradients are computed within it."""
        kept = [weight.parameter.detach().clone() for weight in self.weights]
        with torch.no_grad():
            for weight in self.weights:
                weight.parameter.copy_(weight.rounded())
        try:
            yield
        finally:
            with torch.no_grad():
                for weight, value in zip(self.weights, kept, strict=True):
                    weight.parameter.copy_(value)


def _coded_weights(network: nn.Module, precision: str) -> Iterator[CodedWeight]:
    """The weights that a file codes, in the order of the modules."""
    modules = [module for module in network.modules() if _weights_of(module) or isinstance(module, _BatchNorm)]
    for module, following in zip(modules, [*modules[1:], None], strict=True):
        norm = following if isinstance(following, _BatchNorm) and folds(module, following) else None
        for name in _weights_of(module):
            parameter = getattr(module, name)
            axis, shape = (1 if isinstance(module, nn.ConvTranspose2d) else 0), tuple(parameter.shape)
            axes: tuple[int, ...] = (axis,)
            if isinstance(module, nn.GRU | nn.LSTM):  # ONNX has one tensor for both directions
                axes, shape = (0, 1), (2 if module.bidirectional else 1, *shape)
            if how_stored(shape, axes, precision) == "coded":
                yield CodedWeight(parameter, axis, step_of_shape(shape, step_of(precision)), norm)


def _weights_of(module: nn.Module) -> list[str]:
    """Names of the weights of a single layer that int8 files give a scale per channel (`export.inventory`)."""
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.Embedding):
        return ["weight"]
    if isinstance(module, nn.GRU | nn.LSTM | nn.GRUCell | nn.LSTMCell):
        return [name for name, _ in module.named_parameters(recurse=False) if name.startswith("weight")]
    return []
