"""Writes checked lines without their faults: a PaddleOCR label file, and a list of the lines that were dropped or rewritten.

Image files stay where they are and are named relative to the new label file. Images from databases are written beside it,
upright and with 8 bits, as training sees them. A fault leaves nothing half done.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from trainers.base.atomic_write import whole_or_nothing
from trainers.base.errors import UserError
from trainers.base.preprocess import flatten
from trainers.data.checks.check import Report
from trainers.data.checks.label_checks import visible
from trainers.data.lines import FromFile, Line, Skipped

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
    try:
        with whole_or_nothing(folder):
            counts = _write(report, folder)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}; nothing was left there") from None
    return Fixed(labels, dropped_list, *counts)


def _write(report: Report, folder: Path) -> tuple[int, int, int]:
    """Writes the files; the labels last, since they make the folder a data set.

    Returns:
        Numbers of lines kept, dropped and rewritten.
    """
    dropped = report.dropped
    rows: list[str] = []
    log = [f"{_one_row(name)}\tdropped\t{finding.title}\t" for finding in report.findings for name in finding.names]
    for i, line in enumerate(report.lines):
        text = visible(report.texts[i])
        why = dropped.get(i) or _unwritable(text)
        image = Skipped(line.name, why) if why is not None else _image_of(line, len(rows), folder)
        if isinstance(image, Skipped):
            log.append(f"{_one_row(line.name)}\tdropped\t{image.reason}\t{_one_row(line.text)}")
            continue
        if text != line.text:
            log.append(f"{_one_row(line.name)}\trewritten\tnow {text}\t{line.text!a}")
        rows.append(f"{_field(image)}\t{text}\n")
    if not rows:
        raise UserError(f"every line of {report.source} would be dropped; see the findings")
    _write_new(folder / DROPPED, "name\twhat\twhy\tlabel\n" + "".join(f"{row}\n" for row in log))
    _write_new(folder / LABELS, "".join(rows))
    rewritten = sum(row.split("\t")[1] == "rewritten" for row in log)
    return len(rows), len(log) - rewritten, rewritten


def _image_of(line: Line, number: int, folder: Path) -> str | Skipped:
    """The path of an image relative to the folder; an image that is not a file is written there, upright and with 8 bits."""
    if isinstance(line.load, FromFile):
        return Path(os.path.relpath(Path(line.load.path).resolve(), folder.resolve())).as_posix()
    name = f"{IMAGES}/{number:06d}.png"
    try:
        image = flatten(line.load())
    except ValueError as error:  # it could be read when it was checked
        return Skipped(line.name, str(error))
    (folder / IMAGES).mkdir(exist_ok=True)
    image.save(folder / name)
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
