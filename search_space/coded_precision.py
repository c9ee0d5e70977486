"""The names of the precision `coded`: alone with the usual step, or with another one, as in `coded_35`.

Decisions:
- The step is a part of the precision's name, in percent of the root mean square of a channel's weights. One training then gives
  a file for each step that a study lists, as it does for each precision.
- The usual step has one name, `coded`, so that equal files have equal digests.
"""

from __future__ import annotations

import re

CODED = "coded"
"""The precision that stores the weights of a file in an entropy code (`trainers.export.coded`)."""
USUAL_PERCENT = 18
"""Step of `coded`: 4.7 bits per weight. `benchmarks/precision/README.md` compares steps: with this one no trained model of
its tables reads worse by more than chance."""
LEAST_PERCENT, MOST_PERCENT = 2, 150
"""Finest and coarsest step. The finest takes as many bits as int8; with the coarsest, half of the weights are zero."""
COARSE_FROM_PERCENT = 35
"""Smallest coarse step, which takes weights that are adapted to it (`trainers.quantisation.finish`). With finer ones
next to no trained model reads worse by more than chance (`benchmarks/precision/README.md`), so there is little to adapt to."""
_WITH_STEP = re.compile(rf"{CODED}_([1-9][0-9]{{0,2}})")


def is_coded(precision: str) -> bool:
    """Whether a precision is `coded`, with any step."""
    return step_percent(precision) is not None


def step_percent(precision: str) -> int | None:
    """The step of a precision in percent; None for a precision that is not `coded`."""
    if precision == CODED:
        return USUAL_PERCENT
    written = _WITH_STEP.fullmatch(precision)
    return int(written[1]) if written and LEAST_PERCENT <= int(written[1]) <= MOST_PERCENT else None


def is_coarse(precision: str) -> bool:
    """Whether a precision is `coded` with a step that takes weights which are adapted to it."""
    return (step_percent(precision) or 0) >= COARSE_FROM_PERCENT


def coded_precision(percent: int) -> str:
    """The precision `coded` with a step.

    Args:
        percent: step in percent of the root mean square of a channel, from `LEAST_PERCENT` to `MOST_PERCENT`.
    """
    return CODED if percent == USUAL_PERCENT else f"{CODED}_{percent}"


def reason_against(precision: str) -> str | None:
    """Why a precision that begins with `coded` is refused; None for a step that it may have, and for all other precisions."""
    if precision == coded_precision(step_percent(precision) or 0) or not precision.startswith(CODED):
        return None
    if step_percent(precision) == USUAL_PERCENT:
        return f"precision '{precision}' is written '{CODED}'"
    return (
        f"precision '{precision}' must be '{CODED}' or '{CODED}_N' with a step of N percent, a whole number from "
        f"{LEAST_PERCENT} to {MOST_PERCENT}, such as {CODED}_35"
    )
