"""Whether a recogniser can write a label at all, known before training: steps the label needs, steps the image gives.

CTC writes at most one symbol per time step and puts a blank between equal neighbours, so a label of 24 symbols with one
double letter needs 25 steps; RARE's decoder writes at most 25 symbols whatever the width. Lines whose label cannot be
written are left out of training (`trainers.batching.line_selection`), and too many of them refuse a study. No torch in here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search_space.architecture import Architecture

LONGEST_ATTENTION_LINE = 25
"""Symbols that head `attention` writes at most (the seed's 25 steps and one for the end)."""


def ctc_steps_needed(label: Sequence[object]) -> int:
    """Time steps that CTC needs for a label: its length, and a blank between each two equal neighbours.

    Args:
        label: its symbols, as characters or as indices.
    """
    return len(label) + sum(a == b for a, b in pairwise(label))


def steps_at(architecture: Architecture, width_px: int) -> int:
    """Steps that an architecture's head gets from an image.

    Args:
        architecture: what reads it.
        width_px: width at the architecture's height, padding to whole steps included.
    """
    if architecture.head == "attention":
        return LONGEST_ATTENTION_LINE + 1
    return width_px // architecture.time_stride


def steps_needed(architecture: Architecture, label: Sequence[object]) -> int:
    """Steps that an architecture's head needs for a label; to be compared with `steps_at`."""
    return len(label) + 1 if architecture.head == "attention" else ctc_steps_needed(label)


def reason_against(architecture: Architecture, label: str, width_px: int) -> str | None:
    """Why an image's label cannot be written, or None where it can.

    Args:
        architecture: what reads the image.
        label: the text on it; each character is a symbol.
        width_px: width of the image at the architecture's height, padding to whole steps included.
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
