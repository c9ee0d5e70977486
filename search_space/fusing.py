"""From the network that was trained to the one that ships: training branches merged into single layers.

The convention: a module that has a smaller equal, once trained, has a method `fused_for_export()` which returns it. It is
called in eval mode and may change the module; what comes back takes the module's place. It must work on the meta device,
so that a file's size can be told before training.
"""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def fuse(recognizer: M) -> M:
    """A copy in eval mode with all branches merged; the original can be trained on."""
    return fuse_in_place(copy.deepcopy(recognizer))


def fuse_in_place(recognizer: M) -> M:
    """The same without the copy."""
    recognizer.eval()
    _merge_children(recognizer)
    return recognizer


def _merge_children(module: nn.Module) -> None:
    for name, child in list(module.named_children()):
        fused_for_export = getattr(child, "fused_for_export", None)
        if fused_for_export is None:
            _merge_children(child)
        else:
            setattr(module, name, fused_for_export())
