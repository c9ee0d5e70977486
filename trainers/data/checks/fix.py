"""Writes checked lines without their faults: a PaddleOCR label file, and a list of the lines that were dropped or rewritten.

Image files stay where they are and are named relative to the new label file. Images from databases are written beside it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from trainers.base.errors import UserError
from trainers.data.checks.check import Report
from trainers.data.checks.label_checks import visible
from trainers.data.lines import FromFile, Line

LABELS = "labels.txt"
DROPPED = "dropped.log"
IMAGES = "images"
"""The folder that images are written to that are not files."""


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
        folder: created if missing; must not hold anything of the same names.

    Raises:
        UserError: the folder holds such a thing, no line is left, or the folder cannot be written.
    """
    labels, dropped_list = folder / LABELS, folder / DROPPED
    for path in (labels, dropped_list, folder / IMAGES):
        if os.path.lexists(path):  # a link to nothing would be written through
            raise UserError(f"{path} is already there; name another folder")
    dropped = report.dropped
    rows: list[str] = []
    log: list[str] = []
    for finding in report.findings:
        log += [f"{_one_row(name)}\tdropped\t{finding.title}\t" for name in finding.names]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for i, line in enumerate(report.lines):
            text = visible(report.texts[i])
            why = dropped.get(i) or _unwritable(text)
            if why is not None:
                log.append(f"{_one_row(line.name)}\tdropped\t{why}\t{_one_row(line.text)}")
                continue
            if text != line.text:
                log.append(f"{_one_row(line.name)}\trewritten\tnow {text}\t{line.text!a}")
            rows.append(f"{_field(_image_of(line, len(rows), folder))}\t{text}\n")
        if not rows:
            raise UserError(f"every line of {report.source} would be dropped; see the findings")
        _write_new(dropped_list, "name\twhat\twhy\tlabel\n" + "".join(f"{row}\n" for row in log))
        _write_new(labels, "".join(rows))
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}") from None
    rewritten = sum(row.split("\t")[1] == "rewritten" for row in log)
    return Fixed(labels, dropped_list, len(rows), len(log) - rewritten, rewritten)


def _image_of(line: Line, number: int, folder: Path) -> str:
    """The path of an image relative to the folder; an image that is not a file is written there."""
    if isinstance(line.load, FromFile):
        return Path(os.path.relpath(Path(line.load.path).resolve(), folder.resolve())).as_posix()
    name = f"{IMAGES}/{number:06d}.png"
    (folder / IMAGES).mkdir(exist_ok=True)
    line.load().save(folder / name)
    return name


def _field(name: str) -> str:
    """The name of an image as the first field of a row: as it is, or as a JSON list if it would be read as something else."""
    plain = name.isprintable() and name == name.strip() and not name.startswith("[")
    return name if plain else json.dumps([name])


def _unwritable(text: str) -> str | None:
    """Why a label cannot be written as UTF-8; None if it can."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "label is no Unicode text (half of a surrogate pair)"
    return None


def _one_row(text: str) -> str:
    """A text for the list of what was dropped: without line ends and tabs, and with escapes for what UTF-8 cannot hold."""
    return " ".join(text.split()).encode("utf-8", "backslashreplace").decode("utf-8")


def _write_new(path: Path, text: str) -> None:
    """Writes a file that must not exist."""
    with path.open("x", encoding="utf-8", newline="") as file:
        file.write(text)
