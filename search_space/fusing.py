"""Merges the parallel branches of a trained network into single layers, for export.

A module for which there is an equivalent smaller one in eval mode has a method `fused_for_export()` which returns that one. The
method is called in eval mode, and may change the module that it replaces. It must also work on the meta device, because the
size of the exported file is estimated before training.
"""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def fuse(recognizer: M) -> M:
    """Returns a copy in eval mode with all branches merged.

    Args:
        recognizer: the network; left unchanged, so it can be trained further.
    """
    return fuse_in_place(copy.deepcopy(recognizer))


def fuse_in_place(recognizer: M) -> M:
    """Merges all branches of a network itself, and returns it in eval mode.

    Args:
        recognizer: the network; it cannot be trained further.
    """
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
