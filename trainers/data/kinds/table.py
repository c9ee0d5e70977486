"""Tables with a header and one image per row: EasyOCR's `labels.csv` (`filename,words`), Hugging Face's `metadata.csv`, others.

Decisions:
- The delimiter is the comma, semicolon or tab that is most frequent in the header.
- With only two columns, a row is split at its first delimiter, because EasyOCR writes labels that contain commas without
  quotes. A label inside a pair of quotes is read as a quoted cell.
- `csv:FILE@image_column,text_column` names columns that have other names than the known ones.
"""

from __future__ import annotations

import csv
from pathlib import Path

from search_space.catalog import nearest
from trainers.base.errors import UserError
from trainers.data.kinds import data_kinds
from trainers.data.lines import Skipped
from trainers.data.source import DataKind, ListedImages, first_rows, label_files, only_one, read_rows

SUFFIXES = (".csv", ".tsv", ".txt")
"""Suffixes of files that may be tables."""
IMAGE_COLUMNS = ("filename", "file_name", "image", "image_path", "path", "file", "img", "image_name", "name")
"""Known names of image columns, most specific first."""
TEXT_COLUMNS = ("words", "text", "label", "transcription", "ground_truth", "gt", "sentence")
"""Known names of label columns, most specific first."""


class TableLabels(ListedImages):
    """A table of image names and labels.

    Args:
        label_file: path of the table.
        columns: names of the image and the text column; None uses the first known names.
    """

    kind = "csv"

    def __init__(self, label_file: Path, columns: tuple[str, str] | None) -> None:
        super().__init__(label_file, None)
        self.columns = columns

    def rows(self) -> tuple[list[tuple[str, str]], list[Skipped]]:
        texts, skipped = read_rows(self.label_file)
        delimiter, header = _header(texts[0] if texts else "")
        columns = self.columns or _known_columns(header)
        if columns is None:
            raise UserError(f"{self.label_file}: no known columns in the header {header}; name them: csv:FILE@image,text")
        image, text = (self._place(c, header) for c in columns)
        rows: list[tuple[str, str]] = []
        for row in texts[1:]:
            cells = _cells(row, delimiter, len(header))
            if cells is None:
                skipped.append(Skipped(row[:60], "not a row of a table: it has a line end inside, or is too long"))
            elif len(cells) == len(header):
                rows.append((cells[image], cells[text]))
            else:
                skipped.append(Skipped(row[:60], f"{len(cells)} cells where the header has {len(header)}"))
        return rows, skipped

    def column(self, name: str) -> dict[str, str]:
        """The values of a column, by image name.

        Raises:
            UserError: the table has no such column.
        """
        texts, _ = read_rows(self.label_file)
        delimiter, header = _header(texts[0] if texts else "")
        columns = self.columns or _known_columns(header)
        image, place = self._place(columns[0] if columns else "", header), self._place(name, header)
        rows = (_cells(row, delimiter, len(header)) for row in texts[1:])
        return {cells[image]: cells[place].strip() for cells in rows if cells is not None and len(cells) == len(header)}

    def _place(self, column: str, header: list[str]) -> int:
        if column not in header:
            raise UserError(f"{self.label_file} has no column '{column}'{nearest(column, header)} (it has {header})")
        return header.index(column)


def _header(row: str) -> tuple[str, list[str]]:
    delimiter = max(",;\t", key=row.count)
    return delimiter, [cell.strip() for cell in _split(row, delimiter) or []]


def _cells(row: str, delimiter: str, columns: int) -> list[str] | None:
    cells = _split(row, delimiter)
    if columns == 2 and cells is not None:
        image, cut, rest = row.partition(delimiter)
        whole = len(cells) == 2 and (row.startswith('"') or (rest[:1] == '"' and rest.rstrip()[-1:] == '"'))
        if cut and not whole:
            return [image, rest]
    return cells


def _split(row: str, delimiter: str) -> list[str] | None:
    """The cells of a row; None if it has a carriage return inside, or a cell of more than 128 KiB."""
    try:
        return next(csv.reader([row], delimiter=delimiter), [])
    except csv.Error:
        return None


def _known_columns(header: list[str]) -> tuple[str, str] | None:
    lower = {cell.lower(): cell for cell in reversed(header)}
    image = next((lower[c] for c in IMAGE_COLUMNS if c in lower), None)
    text = next((lower[c] for c in TEXT_COLUMNS if c in lower), None)
    return None if image is None or text is None else (image, text)


def _fits(path: Path) -> bool:
    rows = first_rows(path)
    return bool(rows) and _known_columns(_header(rows[0])[1]) is not None


@data_kinds.register("csv")
class TableKind(DataKind):
    """Tables: a file, or a folder that contains one."""

    order = 40

    def looks_like(self, path: Path) -> bool:
        """Whether the path holds a table with a known image column and a known label column."""
        return bool(label_files(path, SUFFIXES, _fits))

    def open(self, path: Path, extra: str | None) -> TableLabels:
        """Opens the table at a path; `extra` names its columns, as `image,text`."""
        file = only_one(path, label_files(path, SUFFIXES, _fits), "csv", "table with a header such as filename,words")
        if extra is None:
            return TableLabels(file, None)
        image, comma, text = extra.partition(",")
        if not comma:
            raise UserError(f"name two columns behind '@', as csv:{path}@image,text, not '{extra}'")
        return TableLabels(file, (image.strip(), text.strip()))
