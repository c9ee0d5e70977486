"""Checks a set of labelled lines: decodes every image, looks at every label, and says what a person should know.

Decisions:
- `--fix` drops what training cannot use or what must be wrong, and rewrites what no image shows; what is only doubtful stays.
- Lines of one image with several labels all go: nothing tells which label is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search_space.time_steps import ctc_steps_needed
from trainers.base.preprocess import canonical_width, scaled_width
from trainers.data.cache import Progress
from trainers.data.checks import image_checks
from trainers.data.checks.findings import Finding
from trainers.data.checks.image_stats import ImageStats, look_at
from trainers.data.checks.label_checks import label_findings, visible
from trainers.data.lines import Line, Skipped
from trainers.data.normalisers import check_normaliser, normalise
from trainers.data.source_registry import open_source, split_sources

STRIDES = (12, 8, 4)
HISTOGRAM_STEPS = 24
FITTING_SHARE = 0.995
"""Share of lines whose label must fit before a time stride is suggested."""


@dataclass(frozen=True)
class Report:
    """All that was found.

    Attributes:
        source: what was checked.
        lines: all labelled lines that were listed.
        texts: their labels, normalised.
        facts: counts, distributions and suggestions, by name.
        findings: what is wrong, faults before suspects.
    """

    source: str
    lines: Sequence[Line]
    texts: Sequence[str]
    facts: Mapping[str, Any]
    findings: Sequence[Finding]

    @property
    def dropped(self) -> dict[int, str]:
        """Lines that `--fix` drops, and why."""
        reasons: dict[int, str] = {}
        for finding in self.findings:
            if finding.fix == "drop":
                for i in finding.lines:
                    reasons.setdefault(i, finding.title)
        return reasons

    @property
    def kept(self) -> list[tuple[Line, str]]:
        """Lines that `--fix` keeps, with the labels it writes."""
        dropped = self.dropped
        return [(line, visible(self.texts[i])) for i, line in enumerate(self.lines) if i not in dropped]

    def as_dict(self) -> dict[str, Any]:
        """For a script."""
        names = [line.name for line in self.lines]
        return {"source": self.source, "facts": dict(self.facts), "findings": [f.as_dict(names) for f in self.findings]}


def check(
    source: str,
    height_px: int = 32,
    time_stride: int = 4,
    normaliser: str = "none",
    seed: int = 0,
    progress: Progress | None = None,
    processes: int | None = None,
) -> Report:
    """Looks at every line of a source.

    Args:
        source: what `--data` takes, several joined by `;`.
        height_px, time_stride: of the recogniser that is to read the lines.
        normaliser: applied to labels before they are judged.
        seed: of generated lines.
        progress: called with (lines done, lines in total).
        processes: that decode together; None chooses.

    Raises:
        UserError: no such source, or no line in it.
    """
    check_normaliser(normaliser)
    lines: list[Line] = []
    skipped: list[Skipped] = []
    for part in split_sources(source):
        found = open_source(part, seed)
        lines += found.lines
        skipped += found.skipped
    texts = [normalise(normaliser, line.text) for line in lines]
    all_looks = look_at(lines, progress, processes)
    looks = {i: look for i, look in enumerate(all_looks) if isinstance(look, ImageStats)}
    findings = [
        *image_checks.left_out(skipped),
        *image_checks.undecodable(all_looks),
        *image_checks.empty_labels(texts),
        *image_checks.flat_images(looks, texts),
        *image_checks.too_narrow(looks, texts, height_px, time_stride),
        *image_checks.duplicates(looks, texts),
        *label_findings(texts),
        *image_checks.odd_shapes(looks, texts),
    ]
    order = {"drop": 0, "rewrite": 1, "none": 2}
    findings.sort(key=lambda finding: order[finding.fix])
    report = Report(source, lines, texts, {}, findings)
    usable = len(lines) - len(report.dropped)
    return Report(source, lines, texts, _facts(looks, texts, usable, len(skipped)), findings)


def _facts(looks: Mapping[int, ImageStats], texts: Sequence[str], usable: int, skipped: int) -> dict[str, Any]:
    labels = [text.strip() for text in texts if text.strip()]
    return {
        "lines": len(texts),
        "usable": usable,
        "never_a_line": skipped,
        "characters": sum(map(len, labels)),
        "symbols": len(set().union(*labels)) if labels else 0,
        "label_length": _spread_of([len(label) for label in labels]),
        "image_height": _spread_of([k.height for k in looks.values()]),
        "aspect_ratio": _spread_of([k.width / k.height for k in looks.values()]),
        "histograms": {
            "label_length": _histogram([len(label) for label in labels]),
            "image_height": _histogram([k.height for k in looks.values()]),
            "aspect_ratio": _histogram([k.width / k.height for k in looks.values()]),
        },
        "grey_share": round(sum(k.grey for k in looks.values()) / max(1, len(looks)), 4),
        "suggested": _suggested(looks, texts),
    }


def _spread_of(values: Sequence[float]) -> dict[str, float]:
    """Least, median, 95th percentile and greatest."""
    if not values:
        return {}
    points = np.percentile(values, [0, 50, 95, 100])
    return dict(zip(("least", "median", "p95", "greatest"), (round(float(p), 2) for p in points), strict=True))


def _histogram(values: Sequence[float]) -> dict[str, Any]:
    """How many values lie in each of up to 24 equal steps; those above the 99th percentile count for the last step.

    Returns:
        `from` and `to`, the least value and the 99th percentile, and `counts`; empty where there is no value.
    """
    if not values:
        return {}
    low, high = float(min(values)), float(np.percentile(values, 99))
    whole = all(isinstance(value, int) for value in values)
    margin = 0.5 if whole else 1e-9
    steps = min(HISTOGRAM_STEPS, int(high - low) + 1) if whole else HISTOGRAM_STEPS
    counts, _ = np.histogram(np.minimum(values, high), bins=steps, range=(low - margin, high + margin))
    return {"from": round(low, 3), "to": round(high, 3), "counts": [int(count) for count in counts]}


def _suggested(looks: Mapping[int, ImageStats], texts: Sequence[str]) -> dict[str, int]:
    """Input geometry that suits the lines.

    Ideographs need 48 rows, letters 32; more rows than most images have would only be drawn larger. The time stride is the
    coarsest at which nearly every label fits with half as many steps again, since CTC learns badly without room.
    """
    if not looks:
        return {}
    heights = [k.height for k in looks.values()]
    dense = sum(_is_ideograph(c) for text in texts for c in text) > 0.2 * max(1, sum(map(len, texts)))
    height_px = 48 if dense and float(np.percentile(heights, 25)) > 36 else 32
    widths = {i: scaled_width(k.width, k.height, height_px) for i, k in looks.items()}
    stride = STRIDES[-1]
    for candidate in STRIDES:
        if candidate == 12 and height_px % 48:
            continue
        fits = [w // candidate >= 1.5 * ctc_steps_needed(texts[i].strip()) for i, w in widths.items()]
        if sum(fits) >= FITTING_SHARE * len(fits):
            stride = candidate
            break
    width = canonical_width(int(np.percentile(list(widths.values()), 95)), stride)
    return {"height_px": height_px, "time_stride": stride, "width_px": width}


def _is_ideograph(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U0003ffff" or "\uac00" <= character <= "\ud7a3"
