"""Says why a dataset has no training lines or no validation lines, and what no model could ever learn from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from trainers.base.errors import UserError
from trainers.data.arrays import LineArrays
from trainers.data.charset import Charset, shown_symbols
from trainers.data.lines import Skipped, counted
from trainers.data.spec import DataSpec

SHOWN_REASONS = 3
"""Most reasons in a message."""
GIVE_VALIDATION = "add lines, or name a source of validation lines (--validation)"


def check_both_sides(training: LineArrays, validation: LineArrays, spec: DataSpec, skipped: Sequence[Skipped]) -> None:
    """Checks that there are lines on both sides, before the charset is known.

    Raises:
        UserError: there are none on one side.
    """
    if len(training) and len(validation):
        return
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in list(counted(skipped).items())[:SHOWN_REASONS])
    left_out = f" ({reasons})" if reasons else ""
    start = f"data '{spec.training}' leaves {len(training)} training and {len(validation)} validation lines"
    if spec.validation is not None and not len(validation):
        raise UserError(f"{start}: validation lines are those of '{spec.validation}'{left_out}")
    if not len(training) + len(validation):
        raise UserError(f"{start}: no line can be used{left_out}")
    if len(training) + len(validation) == 1:
        raise UserError(f"{start}: some of the lines are set aside for validation, which takes two at least; {GIVE_VALIDATION}")
    if len(np.unique(training.originals)) == 1:
        raise UserError(
            f"{start}: all images are equal, and equal images are never in training and validation at once; {GIVE_VALIDATION}"
        )
    raise UserError(f"{start}: all lines show nearly the same picture or are in one group; {GIVE_VALIDATION}")


def check_charset(charset: Charset, before: Sequence[str], after: LineArrays, spec: DataSpec) -> None:
    """Checks that a charset file leaves training lines.

    Args:
        charset: the characters of the file.
        before: labels of the training lines.
        after: the training lines that it leaves.
        spec: specification of the dataset.

    Raises:
        UserError: it leaves none.
    """
    if len(after):
        return
    missing = Counter(c for text in before for c in charset.outside(text))
    shown = shown_symbols([c for c, _ in missing.most_common()])
    raise UserError(
        f"charset file {spec.charset} leaves no line of '{spec.training}': each of the {len(before):,} labels has characters "
        f'that it lacks ({shown}); add them to it, leave it out, or try unknown = "map"'
    )


def unreadable_note(charset: Charset, validation: LineArrays) -> tuple[str, ...]:
    """A note if validation lines have characters that no model of this dataset can write."""
    missing: Counter[str] = Counter()
    lines = 0
    for text in validation.texts:
        outside = charset.outside(text)
        missing.update(outside)
        lines += bool(outside)
    if not lines:
        return ()
    shown = shown_symbols([c for c, _ in missing.most_common()])
    lack = f"hold characters that no training line or charset file has ({shown})"
    return (f"{lines:,} of {len(validation):,} validation lines {lack}: no model can read these lines",)
