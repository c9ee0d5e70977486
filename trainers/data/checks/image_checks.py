"""Checks that need the images: undecodable and blank images, duplicates, and shapes that do not fit the label."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from search_space.time_steps import ctc_steps_needed
from trainers.base.preprocess import WIDEST, canonical_width, scaled_width
from trainers.data.checks.findings import Finding
from trainers.data.checks.image_stats import ImageStats
from trainers.data.lines import Skipped

FLAT_DEVIATION = 3.0
"""Standard deviation, in grey levels, below which an image counts as blank."""
ODD_FACTOR = 4.0
"""A line is doubtful if its width per character differs from the usual one by this factor."""
UPRIGHT_FACTOR = 1.5
"""Ratio of height to width from which a line of several characters counts as vertical."""
SHOWN_LABELS = 5
"""Most labels of equal images that are named beside each of them."""

ADVICE = {
    "image without label": "write its label, or take the image away",
    "label without image": "find its image, or take the label away",
    "image is missing": "find the file, or take the row out of the list",
    "listed twice": "nothing: one of the rows is used",
    "label is not UTF-8": "convert the labels to UTF-8",
    "label of more than one line": "cut the image into lines",
}


def left_out(skipped: Sequence[Skipped]) -> Iterator[Finding]:
    """Files and rows that are not lines, by reason."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for s in skipped:
        by_reason[s.reason].append(s.name)
    for reason, names in by_reason.items():
        kind = "_".join("".join(c if c.isalnum() else " " for c in reason).split())
        yield Finding(kind, reason, "drop", ADVICE.get(reason, "repair the row or take it out"), names=tuple(names))


def undecodable(looks: Sequence[ImageStats | str]) -> Iterator[Finding]:
    """Images that cannot be decoded."""
    bad = {i: look for i, look in enumerate(looks) if isinstance(look, str)}
    if bad:
        advice = "copy the files again from where they came"
        yield Finding("undecodable", "image cannot be decoded", "drop", advice, tuple(bad), tuple(bad.values()))


def empty_labels(texts: Sequence[str]) -> Iterator[Finding]:
    """Labels without a visible character."""
    lines = tuple(i for i, text in enumerate(texts) if not text.strip())
    if lines:
        yield Finding("empty_label", "label is empty", "drop", "write the label, or take the image away", lines)


def flat_images(looks: Mapping[int, ImageStats], texts: Sequence[str]) -> Iterator[Finding]:
    """Blank images with a label."""
    lines = tuple(i for i, look in looks.items() if look.deviation < FLAT_DEVIATION and texts[i].strip())
    if lines:
        yield Finding("blank_image", "image shows nothing", "drop", "look at the sheet; take them away", lines)


def too_narrow(looks: Mapping[int, ImageStats], texts: Sequence[str], height_px: int, time_stride: int) -> Iterator[Finding]:
    """Labels that are too long for their image: CTC needs a time step per character, and one between equal neighbours."""
    lines, details = [], []
    for i, look in looks.items():
        if look.width > WIDEST * look.height:
            continue
        steps = canonical_width(scaled_width(look.width, look.height, height_px), time_stride) // time_stride
        needed = ctc_steps_needed(texts[i].strip())
        if needed > steps:
            lines.append(i)
            details.append(f"{needed} time steps needed, {steps} there: {texts[i].strip()[:60]}")
    if lines:
        title = f"label too long for its image at height {height_px}, time stride {time_stride}"
        advice = "check the label; else use a smaller time stride or a greater height"
        yield Finding("too_narrow", title, "drop", advice, tuple(lines), tuple(details))


def duplicates(looks: Mapping[int, ImageStats], texts: Sequence[str]) -> Iterator[Finding]:
    """Equal images. If their labels differ, at least one is wrong; if not, the copies cost time or leak between splits."""
    by_content: dict[str, list[int]] = defaultdict(list)
    for i, look in looks.items():
        by_content[look.content].append(i)
    groups = [group for group in by_content.values() if len(group) > 1]
    torn = [g for g in groups if len({texts[i].strip() for i in g}) > 1]
    if torn:
        details = tuple(detail for g in torn for detail in _labels_here_and_elsewhere([texts[i] for i in g]))
        advice = "decide which label is right and take the others out"
        lines = tuple(i for g in torn for i in g)
        yield Finding("conflicting_labels", "same image, different labels", "drop", advice, lines, details)
    same = [g for g in groups if len({texts[i].strip() for i in g}) == 1]
    if same:
        advice = "one is enough; in training and validation alike they would flatter every score"
        yield Finding("duplicate", "same image and label again", "drop", advice, tuple(i for g in same for i in g[1:]))


def _labels_here_and_elsewhere(labels: Sequence[str]) -> Iterator[str]:
    """For each line of one image: its label, and the first of the other labels in alphabetical order.

    Few are shown, since the image of a damaged set may have as many labels as the set has lines.
    """
    different = sorted(set(labels))
    first = different[: SHOWN_LABELS + 1]
    for label in labels:
        shown = [other for other in first if other != label][:SHOWN_LABELS]
        more = len(different) - 1 - len(shown)
        others = ", ".join(map(repr, shown)) + (f" and {more:,} more" if more else "")
        yield f"{label!r} here, {others} elsewhere"


def odd_shapes(looks: Mapping[int, ImageStats], texts: Sequence[str]) -> Iterator[Finding]:
    """Images whose shape does not fit their label; these are doubtful, not faults."""
    upright = tuple(i for i, k in looks.items() if k.height >= UPRIGHT_FACTOR * k.width and len(texts[i].strip()) > 1)
    if upright:
        advice = "turn lines that run downwards by 90 degrees, or check that the label belongs to the image"
        yield Finding("upright", "image higher than wide", "none", advice, upright)
    wide = tuple(i for i, k in looks.items() if k.width > WIDEST * k.height)
    if wide:
        advice = "cut it into lines of text"
        yield Finding("too_wide", f"image more than {WIDEST} times as wide as high", "drop", advice, wide)
    per_character = {i: k.width / k.height / len(texts[i].strip()) for i, k in looks.items() if texts[i].strip()}
    if len(per_character) < 20:
        return
    usual, said = statistics.median(per_character.values()), {*upright, *wide}
    odd = {
        i: ratio
        for i, ratio in per_character.items()
        if not usual / ODD_FACTOR <= ratio <= usual * ODD_FACTOR and i not in said
    }
    if odd:
        details = tuple(
            f"{ratio / usual:.1f} times the usual width per character: {texts[i].strip()[:60]}" for i, ratio in odd.items()
        )
        advice = "check that label and image belong together"
        yield Finding("odd_width", "width does not go with the label", "none", advice, tuple(odd), details)
