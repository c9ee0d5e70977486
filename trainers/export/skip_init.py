"""Builds networks on the meta device without initialising weights, which has no effect there but takes most of the time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


@contextmanager
def without_initialisation() -> Iterator[None]:
    """Inside this context, modules are built on the meta device: with shapes and without values."""
    with torch.device("meta"), _NoNumbers():
        yield


class _NoNumbers(TorchFunctionMode):
    """Skips the functions that draw, fill in or compute values: on the meta device only shapes count."""

    DRAWN = frozenset({torch.randn, torch.rand})
    FILLED = frozenset(
        {nn.init.kaiming_uniform_, nn.init.kaiming_normal_, nn.init.uniform_, nn.init.normal_, nn.init.trunc_normal_}
        | {
            Tensor.normal_,
            Tensor.uniform_,
            Tensor.fill_,
            Tensor.zero_,
            Tensor.clamp_,
            Tensor.erfinv_,
            Tensor.add_,
            Tensor.copy_,
        }
    )
    ADDED_UP = frozenset({Tensor.add, Tensor.sub, Tensor.mul, Tensor.div, Tensor.sqrt, Tensor.pow, Tensor.__pow__})

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if function in self.DRAWN:
            return torch.empty(*args, **(kwargs or {}))
        if function in self.FILLED:
            return args[0] if args else (kwargs or {})["tensor"]
        if function is Tensor.__setitem__ and args[0].is_meta:
            return None
        if function in self.ADDED_UP and args[0].is_meta:
            return args[0].new_empty(_broadcast(*(given.shape for given in args if isinstance(given, Tensor))))
        return function(*args, **(kwargs or {}))


def _broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of an elementwise result; torch's own function is slow."""
    rank = max(map(len, shapes))
    return tuple(max(sizes) for sizes in zip(*((1,) * (rank - len(shape)) + tuple(shape) for shape in shapes), strict=True))
