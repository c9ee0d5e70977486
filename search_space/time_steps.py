"""Counts the time steps that a label needs and that an image gives: whether a recogniser can write the label.

CTC writes at most one symbol per time step and needs a blank between equal neighbours, so a label of 24 symbols with one double
letter needs 25 steps. RARE's decoder writes at most 25 symbols, whatever the width. Lines whose label cannot be written are
left out of training (`trainers.batching.line_selection`), and a study with too many of them is refused.

This module does not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search_space.architecture import Architecture

LONGEST_ATTENTION_LINE = 25
"""Most symbols that the head `attention` writes: it has 25 steps as in the seed, and one for the end."""


def ctc_steps_needed(label: Sequence[object]) -> int:
    """Time steps that CTC needs for a label: one per symbol, and one for a blank between two equal neighbours.

    Args:
        label: symbols, as characters or as indices.
    """
    return len(label) + sum(a == b for a, b in pairwise(label))


def steps_at(architecture: Architecture, width_px: int) -> int:
    """Steps that the head of an architecture has for an image.

    Args:
        architecture: of the recogniser.
        width_px: width of the image at the architecture's height, with padding to whole steps.
    """
    if architecture.head == "attention":
        return LONGEST_ATTENTION_LINE + 1
    return width_px // architecture.time_stride


def steps_needed(architecture: Architecture, label: Sequence[object]) -> int:
    """Steps that the head of an architecture needs for a label; compare it with `steps_at`."""
    return len(label) + 1 if architecture.head == "attention" else ctc_steps_needed(label)


def reason_against(architecture: Architecture, label: str, width_px: int) -> str | None:
    """The reason why a label cannot be written; None if it can.

    Args:
        architecture: of the recogniser.
        label: the text of the image; each character is a symbol.
        width_px: width of the image at the architecture's height, with padding to whole steps.
    """
    needed, given = steps_needed(architecture, label), steps_at(architecture, width_px)
    if needed <= given:
        return None
    if architecture.head == "attention":
        return f"label '{label}' has {len(label)} symbols but head attention writes at most {LONGEST_ATTENTION_LINE}; use ctc"
    stride = architecture.time_stride
    return (
        f"label '{label}' needs {needed} CTC steps but {width_px} px at time_stride {stride} give {given}; "
        f"use a smaller time_stride or an image of {needed * stride} px and more"
    )
