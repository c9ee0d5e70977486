"""What reads a backbone's columns loses the inputs that a cut takes away: GRU, LSTM and linear layers, by slicing.

Decisions:
- Readers are found by running: those that are handed the very tensor of columns.
- Whether all that reads the columns can follow is tried on a copy, so an encoder or a head in a new file needs no word here.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from search_space.contracts import Encoder, Head

RECURRENT = (nn.GRU, nn.LSTM)
TRIED_STEPS = 3


def resize_dependents(encoder: Encoder, head: Head, width: int, kept: Tensor) -> None:
    """Slices the inputs of everything that reads the columns.

    Args:
        encoder: as it is, for columns of `width` features.
        head: likewise.
        width: features of a column until now.
        kept: (K,) int64, ascending: features that stay.
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
    """GRU, LSTM and linear layers that are handed the columns themselves."""
    columns = torch.zeros(1, TRIED_STEPS, width)
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
    """Whether encoder and head still run when columns lose a feature."""
    encoder, head = copy.deepcopy(encoder), copy.deepcopy(head)
    resize_dependents(encoder, head, width, torch.arange(1, width))
    try:
        _read(encoder, head, torch.zeros(1, TRIED_STEPS, width - 1))
    except RuntimeError:
        return False
    return True


def _read(encoder: Encoder, head: Head, columns: Tensor) -> None:
    """Runs encoder and head without leaving a trace."""
    training = encoder.training, head.training
    encoder.eval()
    head.eval()
    with torch.no_grad():
        head(encoder(columns))
    encoder.train(training[0])
    head.train(training[1])
