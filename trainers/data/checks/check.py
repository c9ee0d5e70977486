"""Checks labelled lines: decodes every image, examines every label, and reports faults and doubtful lines.

Decisions:
- `--fix` drops lines that training cannot use or that are certainly wrong, and removes characters that no image shows. Doubtful
  lines are kept.
- If one image has several labels, all its lines are dropped, because it is unknown which label is right.
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
"""Fraction of the lines whose label must fit into a time stride before it is suggested."""


@dataclass(frozen=True)
class Report:
    """The result of a check.

    Attributes:
        source: name of the source.
        lines: all labelled lines of the source.
        texts: their normalised labels; empty where no image shows any of it.
        facts: counts, distributions and suggestions, by name.
        findings: faults first, then doubtful lines.
    """

    source: str
    lines: Sequence[Line]
    texts: Sequence[str]
    facts: Mapping[str, Any]
    findings: Sequence[Finding]

    @property
    def dropped(self) -> dict[int, str]:
        """Lines that `--fix` drops, with the reason."""
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
        """The report as values that JSON can hold."""
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
    """Checks every line of a source.

    Args:
        source: a source as for `--data`; several joined by `;`.
        height_px, time_stride: input height and time stride of the recogniser that will read the lines.
        normaliser: name of the normaliser that is applied to labels first.
        seed: seed of generated lines.
        progress: called with (lines done, lines in total).
        processes: number of processes that decode; None chooses it.

    Raises:
        UserError: the source does not exist, or has no line.
    """
    check_normaliser(normaliser)
    lines: list[Line] = []
    skipped: list[Skipped] = []
    for part in split_sources(source):
        found = open_source(part, seed)
        lines += found.lines
        skipped += found.skipped
    normalised = (normalise(normaliser, line.text) for line in lines)
    texts = [text if visible(text) else "" for text in normalised]  # what no image shows is no label
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
    """Minimum, median, 95th percentile and maximum."""
    if not values:
        return {}
    points = np.percentile(values, [0, 50, 95, 100])
    return dict(zip(("least", "median", "p95", "greatest"), (round(float(p), 2) for p in points), strict=True))


def _histogram(values: Sequence[float]) -> dict[str, Any]:
    """Counts the values in up to 24 bins of equal width; values above the 99th percentile count for the last bin.

    Returns:
        `from` and `to`, the minimum and the 99th percentile, and `counts`; empty if there are no values.
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
    """Suggests input height, width and time stride for the lines.

    Ideographs need 48 rows and letters 32; more rows than most images have would only enlarge them. The time stride is the
    coarsest at which nearly every label has 1.5 times the time steps that it needs, since CTC learns badly with fewer.
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
