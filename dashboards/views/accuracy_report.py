"""The report of `paretext test`, as text, JSON and a contact sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dashboards.views.console import accuracy_words, percent
from trainers.evaluation.uncertainty import wilson_interval

if TYPE_CHECKING:
    from PIL import Image

    from trainers.evaluation.file_test import FileTest
    from trainers.evaluation.mistakes import Mistake

SHOWN_CONFUSIONS = 15
"""Pairs of characters that are printed; --json has all."""
NOTHING = "(nothing)"
"""Stands for no character, and for an empty reading."""


def report_lines(report: FileTest, mistakes: int) -> Iterator[str]:
    """The report as text, which fits 80 columns where labels do.

    Args:
        report: of a test.
        mistakes: number of misread lines that are shown.
    """
    found = report.score
    yield f"accuracy  {accuracy_words(found.accuracy, found.lines)}: {found.right:,} of {found.lines:,} lines without an error"
    yield f"CER       {percent(found.cer)}: {found.edits:,} wrong of {found.characters:,} characters"
    if report.unknown:
        shown = ", ".join(f"'{symbol}' in {count:,}" for symbol, count in list(report.unknown.items())[:SHOWN_CONFUSIONS])
        yield f"unknown   characters that this model cannot write: {shown} lines"
    for reason, count in Counter(skipped.reason for skipped in report.skipped).most_common():
        yield f"left out  {count:,} lines: {reason}"
    if report.confusions:
        yield "\nconfused  truth -> reading, how often, share of that character"
        for pair in report.confusions[:SHOWN_CONFUSIONS]:
            share = "" if pair.share is None else percent(pair.share)
            yield f"  {shown_symbol(pair.truth):>9} -> {shown_symbol(pair.reading):<9} {pair.count:>6,}x {share:>8}"
        if len(report.confusions) > SHOWN_CONFUSIONS:
            yield f"  {len(report.confusions) - SHOWN_CONFUSIONS:,} more pairs (--json has all)"
    worst = report.mistakes[:mistakes]
    if worst:
        yield "\nerrors    wrong characters, confidence, truth | reading | line"
        for mistake in worst:
            texts = f"{mistake.truth} | {mistake.reading or NOTHING} | {mistake.name}"
            yield f"  {mistake.edits:>3} {mistake.confidence:.2f}  {texts}"
    if len(report.mistakes) > len(worst):
        yield f"  {len(report.mistakes) - len(worst):,} more errors (--errors N shows more, --json has all)"


def report_as_dict(report: FileTest) -> dict[str, Any]:
    """The report as JSON values, without images."""
    found = report.score
    low, high = wilson_interval(found.accuracy, found.lines)
    return {
        "lines": found.lines,
        "right": found.right,
        "accuracy": found.accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "cer": found.cer,
        "edits": found.edits,
        "characters": found.characters,
        "unknown_characters": report.unknown,
        "left_out": [{"line": skipped.name, "reason": skipped.reason} for skipped in report.skipped],
        "confusions": [pair.__dict__ for pair in report.confusions],
        "errors": [
            {"line": m.name, "truth": m.truth, "reading": m.reading, "confidence": m.confidence, "edits": m.edits}
            for m in report.mistakes
        ],
    }


def mistake_sheet(report: FileTest, heading: str, at_most: int) -> Image.Image:
    """A contact sheet of the worst mistakes, each with its label and what was read.

    Args:
        report: of a test.
        heading: what was tested on what.
        at_most: number of pictures.
    """
    worst = report.mistakes[:at_most]
    accuracy = accuracy_words(report.score.accuracy, report.score.lines)
    title = f"{heading}: {accuracy}, the worst {len(worst):,} of {len(report.mistakes):,} errors"
    return sheet_of(title, worst)


def sheet_of(title: str, mistakes: Sequence[Mistake]) -> Image.Image:
    """A contact sheet of mistakes, each with its label and what was read.

    Args:
        title: heading of the sheet.
        mistakes: in the order in which they are drawn.
    """
    from PIL import Image

    from trainers.data.contact_sheet import Picture, SheetSection, draw_sheet

    pictures = [Picture(Image.fromarray(m.image), f"{m.truth} read as {m.reading or NOTHING}") for m in mistakes]
    return draw_sheet([SheetSection(title, pictures)])


def shown_symbol(symbol: str) -> str:
    """A character that can be seen."""
    return NOTHING if not symbol else f"U+{ord(symbol):04X}" if symbol.isspace() or not symbol.isprintable() else symbol
