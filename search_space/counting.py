"""Counts the parameters and FLOPs of a recogniser from its shapes.

Decisions:
- Parameters are all learned values plus BatchNorm's running mean and variance, as the published counts of the seed models are.
- FLOPs are multiply-adds: a multiplication with its addition counts as one, as in papers on small networks. Convolutions,
  linear layers, matrix products, attention, GRU and LSTM are counted. BatchNorm (merged at export), activations, pooling, sums
  and biases are not.
- The network runs on torch's meta device, which computes shapes only. A GRU or LSTM is counted without stepping through time,
  because it uses each of its weight matrices exactly once per time step. torch's `FlopCounterMode` takes seconds for that;
  tests compare the two.
- Auxiliary losses are left out, because they are not exported.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from search_space.recognizer import Recognizer


@dataclass(frozen=True)
class Flops:
    """Multiply-adds for one image.

    Attributes:
        whole: of the whole exported network.
        backbone: of the backbone alone.
    """

    whole: int
    backbone: int


def parameters(recognizer: Recognizer) -> int:
    """Number of parameters of the exported network, with BatchNorm's running statistics.

    Args:
        recognizer: the network; left unchanged.
    """
    state = recognizer.state_dict()
    return sum(t.numel() for name, t in state.items() if t.is_floating_point() and not name.startswith("auxiliary."))


def flops(recognizer: Recognizer, height_px: int, width_px: int) -> Flops:
    """Counts the multiply-adds for one image of 3 x height_px x width_px.

    Args:
        recognizer: the network, left unchanged; one built under `torch.device("meta")` is enough, and is not
            copied if it is in evaluation mode.
        height_px: rows of the image.
        width_px: columns of the image.
    """
    is_ready = not recognizer.training and all(value.is_meta for value in recognizer.state_dict().values())
    model = recognizer if is_ready else copy.deepcopy(recognizer).to("meta").eval()
    counter = _Products()
    at: list[int] = []

    def note(*_: object) -> None:
        at.append(counter.products)

    hooks = model.backbone.register_forward_pre_hook(note), model.backbone.register_forward_hook(note)
    with hooks[0], hooks[1], counter, torch.no_grad():  # hooks are removed at the end
        model(torch.empty(1, 3, height_px, width_px, device="meta"))
    return Flops(counter.products, at[1] - at[0])


class _Products(TorchFunctionMode):
    """Sums the multiply-adds of all torch functions that are called while the mode is active."""

    def __init__(self) -> None:
        super().__init__()
        self.products = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in _SAME_SHAPE:
            return args[0]
        if func in _RECURRENT:
            out, products = _recurrent(*args)
        else:
            out = func(*args, **(kwargs or {}))
            products = _PRODUCTS[func](out, *args) if func in _PRODUCTS else 0
        self.products += products
        return out


_SAME_SHAPE = {F.batch_norm, F.layer_norm, F.hardswish, F.hardsigmoid, F.gelu, F.silu}
"""Functions without multiply-adds that keep the shape of their input; skipped, because they are slow on the meta device."""

_RECURRENT = {torch.gru, torch.lstm}
"""Functions that are counted from their weights, without stepping through time."""


def _recurrent(steps: Tensor, state: Any, weights: list[Tensor], *rest: Any) -> tuple[Any, int]:
    """Output (batch first) and multiply-adds of a GRU or LSTM, with the arguments of `torch.gru` and `torch.lstm`."""
    bidirectional = rest[4]
    count, length, _ = steps.shape
    out = steps.new_empty(count, length, weights[1].shape[1] * (2 if bidirectional else 1))
    return (out, *([state] if isinstance(state, Tensor) else state)), count * length * _matrices(weights)


def _matrices(weights: list[Tensor]) -> int:
    return sum(w.numel() for w in weights if w.dim() == 2)


def _rows_by_columns(out: Tensor, left: Tensor, right: Tensor, *_: Any) -> int:
    return out.numel() * left.shape[-1]


def _convolution(out: Tensor, x: Tensor, weight: Tensor, *_: Any) -> int:
    return out.numel() * weight[0].numel()


def _transposed(out: Tensor, x: Tensor, weight: Tensor, *_: Any) -> int:
    return x.numel() * weight[0].numel()


def _attention(out: Tensor, query: Tensor, key: Tensor, value: Tensor, *_: Any) -> int:
    return (query.numel() + out.numel()) * key.shape[-2]


def _einsum(out: Tensor, equation: str, *operands: Tensor) -> int:
    sizes: dict[str, int] = {}
    for letters, operand in zip(equation.replace(" ", "").split("->")[0].split(","), operands, strict=True):
        sizes |= zip(letters, operand.shape, strict=True)
    return math.prod(sizes.values())


def _cell(out: Any, x: Tensor, state: Any, *weights: Tensor) -> int:
    return x.shape[0] * _matrices([w for w in weights if w is not None])


_PRODUCTS: dict[Callable[..., Any], Callable[..., int]] = {
    **dict.fromkeys((F.conv1d, F.conv2d), _convolution),
    **dict.fromkeys((F.conv_transpose1d, F.conv_transpose2d), _transposed),
    **dict.fromkeys(
        (F.linear, torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.bmm, Tensor.bmm, torch.mm, Tensor.mm), _rows_by_columns
    ),
    **dict.fromkeys(
        (torch.baddbmm, torch.addmm, Tensor.baddbmm, Tensor.addmm), lambda out, _, *pair: _rows_by_columns(out, *pair)
    ),
    **dict.fromkeys((torch.gru_cell, torch.lstm_cell), _cell),
    F.scaled_dot_product_attention: _attention,
    torch.einsum: _einsum,
}
"""Function to the function that counts its multiply-adds from its output and its arguments."""
