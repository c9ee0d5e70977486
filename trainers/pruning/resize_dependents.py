"""Removes inputs from the layers that read the columns of a pruned backbone: GRU, LSTM and linear layers, by slicing.

Decisions:
- These layers are found by running the encoder and the head: they are those that receive the tensor of columns itself.
- Whether all readers of the columns can be resized is tried on a copy, so a new encoder or head needs no code here.
"""

from __future__ import annotations

import copy
from itertools import chain

import torch
from torch import Tensor, nn

from search_space.contracts import Encoder, Head

RECURRENT = (nn.GRU, nn.LSTM)
"""Types of recurrent layers that can be sliced."""
TRIED_STEPS = 3
"""Time steps of the columns that encoder and head are run with; more than one, since recurrent layers treat them in turn."""


def resize_dependents(encoder: Encoder, head: Head, width: int, kept: Tensor) -> None:
    """Removes inputs from the layers that read the columns, in place.

    Args:
        encoder: the encoder, for columns of `width` features.
        head: the head.
        width: features of a column before the removal.
        kept: (K,) int64 indices of the features to keep, ascending.
    """
    for reader in readers(encoder, head, width):
        if isinstance(reader, RECURRENT):
            for end in ("", "_reverse") if reader.bidirectional else ("",):
                name = f"weight_ih_l0{end}"
                setattr(reader, name, nn.Parameter(getattr(reader, name).detach()[:, kept]))
            reader.input_size = len(kept)
        elif isinstance(reader, nn.Linear):
            reader.weight = nn.Parameter(reader.weight.detach()[:, kept])
            reader.in_features = len(kept)


def readers(encoder: Encoder, head: Head, width: int) -> list[nn.Module]:
    """Finds the GRU, LSTM and linear layers that receive the columns themselves."""
    columns = _columns(encoder, head, width)
    found: list[nn.Module] = []

    def note(module: nn.Module, given: tuple[object, ...]) -> None:
        if given and given[0] is columns and module not in found:
            found.append(module)

    layers = [m for part in (encoder, head) for m in part.modules() if isinstance(m, (*RECURRENT, nn.Linear))]
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    try:
        _read(encoder, head, columns)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def can_resize_dependents(encoder: Encoder, head: Head, width: int) -> bool:
    """Whether encoder and head still run after one feature of the columns is removed."""
    encoder, head = copy.deepcopy(encoder), copy.deepcopy(head)
    resize_dependents(encoder, head, width, torch.arange(1, width))
    try:
        _read(encoder, head, _columns(encoder, head, width - 1))
    except RuntimeError:
        return False
    return True


def _columns(encoder: Encoder, head: Head, width: int) -> Tensor:
    """Columns to try encoder and head with, (1, `TRIED_STEPS`, width), on their device and of their type."""
    weight = next(chain(encoder.parameters(), head.parameters()), None)
    return torch.zeros(1, TRIED_STEPS, width) if weight is None else weight.new_zeros(1, TRIED_STEPS, width)


def _read(encoder: Encoder, head: Head, columns: Tensor) -> None:
    """Runs encoder and head in eval mode without gradients, and restores their modes."""
    training = encoder.training, head.training
    encoder.eval()
    head.eval()
    with torch.no_grad():
        head(encoder(columns))
    encoder.train(training[0])
    head.train(training[1])
