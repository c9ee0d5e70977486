"""Draws the contact sheet of a check: some lines without faults, and some lines of each finding."""

from __future__ import annotations

import random
from collections.abc import Iterable

from PIL import Image

from trainers.base.preprocess import flatten
from trainers.data.checks.check import Report
from trainers.data.contact_sheet import MOST_CHARACTERS, Picture, SheetSection, draw_sheet

SAMPLES = 36
SUSPECTS = 9


def check_sheet(report: Report, seed: int = 0) -> Image.Image:
    """Draws the sheet: up to 36 random lines without faults, then up to 9 lines of each finding."""
    blamed = {i for finding in report.findings if finding.kind != "rare" for i in finding.lines}
    good = [i for i in range(len(report.lines)) if i not in blamed]
    chosen = sorted(random.Random(seed).sample(good, min(SAMPLES, len(good))))
    sections = [SheetSection(f"{report.source}: samples", _pictures(report, chosen))] if chosen else []
    for finding in report.findings:
        if finding.lines:
            heading = f"{finding.title}: {len(finding.lines)} lines"
            sections.append(SheetSection(heading, _pictures(report, finding.lines[:SUSPECTS])))
    return draw_sheet(sections)


def _pictures(report: Report, lines: Iterable[int]) -> list[Picture]:
    return [
        Picture(_image(report, i), f"{report.lines[i].text[:MOST_CHARACTERS] or '(empty)'} · {report.lines[i].name}")
        for i in lines
    ]


def _image(report: Report, line: int) -> Image.Image | None:
    try:
        return flatten(report.lines[line].load())
    except (OSError, ValueError):
        return None
