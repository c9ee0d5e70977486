"""Writes checked lines without their faults: a PaddleOCR label file, and a list of the lines that were dropped or rewritten.

Image files stay where they are and are named relative to the new label file. Images from databases are written beside it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from trainers.base.errors import UserError
from trainers.data.checks.check import Report
from trainers.data.checks.label_checks import visible
from trainers.data.lines import FromFile, Line

LABELS = "labels.txt"
DROPPED = "dropped.log"


@dataclass(frozen=True)
class Fixed:
    """The result of `write_fixed`.

    Attributes:
        labels: path of the cleaned label file.
        dropped_list: path of the list of dropped and rewritten lines, with rows `name<TAB>what<TAB>why<TAB>label`. The label is
            the old one, with escapes for invisible characters.
        kept, dropped, rewritten: numbers of lines.
    """

    labels: Path
    dropped_list: Path
    kept: int
    dropped: int
    rewritten: int


def write_fixed(report: Report, folder: Path) -> Fixed:
    """Writes the cleaned lines.

    Args:
        report: the report of the check.
        folder: created if missing; must not hold a label file.

    Raises:
        UserError: the folder holds a label file, no line is left, or the folder cannot be written.
    """
    labels, dropped_list = folder / LABELS, folder / DROPPED
    if labels.exists():
        raise UserError(f"{labels} is already there; name another folder")
    dropped = report.dropped
    rows: list[str] = []
    log: list[str] = []
    for finding in report.findings:
        log += [f"{name}\tdropped\t{finding.title}\t" for name in finding.names]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for i, line in enumerate(report.lines):
            if i in dropped:
                log.append(f"{line.name}\tdropped\t{dropped[i]}\t{_one_row(line.text)}")
                continue
            text = visible(report.texts[i])
            if text != line.text:
                log.append(f"{line.name}\trewritten\tnow {text}\t{line.text!a}")
            rows.append(f"{_image_of(line, len(rows), folder)}\t{text}\n")
        if not rows:
            raise UserError(f"every line of {report.source} would be dropped; see the findings")
        dropped_list.write_text("name\twhat\twhy\tlabel\n" + "".join(f"{row}\n" for row in log), encoding="utf-8")
        labels.write_text("".join(rows), encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}") from None
    rewritten = sum(row.split("\t")[1] == "rewritten" for row in log)
    return Fixed(labels, dropped_list, len(rows), len(log) - rewritten, rewritten)


def _image_of(line: Line, number: int, folder: Path) -> str:
    """The path of an image relative to the folder; an image that is not a file is written there."""
    if isinstance(line.load, FromFile):
        return Path(os.path.relpath(Path(line.load.path).resolve(), folder.resolve())).as_posix()
    name = f"images/{number:06d}.png"
    (folder / "images").mkdir(exist_ok=True)
    line.load().save(folder / name)
    return name


def _one_row(text: str) -> str:
    return " ".join(text.split())
