"""Tables with a header and one image per row: EasyOCR's `labels.csv` (`filename,words`), Hugging Face's `metadata.csv`, others.

Decisions:
- The delimiter is the comma, semicolon or tab that is most frequent in the header.
- With only two columns, a row is split at its first delimiter, because EasyOCR writes labels that contain commas without
  quotes. A label inside a pair of quotes is read as a quoted cell.
- A quoted cell may go on over several rows, which are one row of the table then: its label has a line end and is left out. A
  row that begins with the name of an image is never taken for such a continuation.
- `csv:FILE@image_column,text_column` names columns that have other names than the known ones.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from search_space.catalog import nearest
from trainers.base.errors import UserError
from trainers.data.kinds import data_kinds
from trainers.data.lines import Skipped
from trainers.data.source import DataKind, ListedImages, is_image_name, label_files, only_one
from trainers.data.text_rows import first_rows, read_rows

SUFFIXES = (".csv", ".tsv", ".txt")
"""Suffixes of files that may be tables."""
IMAGE_COLUMNS = ("filename", "file_name", "image", "image_path", "path", "file", "img", "image_name", "name")
"""Known names of image columns, most specific first."""
TEXT_COLUMNS = ("words", "text", "label", "transcription", "ground_truth", "gt", "sentence")
"""Known names of label columns, most specific first."""
MOST_HEADER_CHARACTERS = 10_000
"""Characters of a first row that are looked at."""
SEP_ROW = re.compile(r'"?sep=.?"?\s*$', re.IGNORECASE)
"""A first row that names the delimiter."""
MOST_CELL_ROWS = 100
"""Rows over which a quoted cell may go on; a quote that stays open for longer belongs to the label."""


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
        texts, skipped = _without_sep(*read_rows(self.label_file))
        delimiter, header = _header(texts[0] if texts else "")
        columns = self.columns or _known_columns(header)
        if columns is None:
            raise UserError(f"{self.label_file}: no known columns in the header {header}; name them: csv:FILE@image,text")
        image, text = (self._place(c, header) for c in columns)
        rows: list[tuple[str, str]] = []
        for row in _table_rows(texts[1:], delimiter):
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
        texts, _ = _without_sep(*read_rows(self.label_file))
        delimiter, header = _header(texts[0] if texts else "")
        columns = self.columns or _known_columns(header)
        image, place = self._place(columns[0] if columns else "", header), self._place(name, header)
        rows = (_cells(row, delimiter, len(header)) for row in _table_rows(texts[1:], delimiter))
        return {cells[image]: cells[place].strip() for cells in rows if cells is not None and len(cells) == len(header)}

    def _place(self, column: str, header: list[str]) -> int:
        if column not in header:
            raise UserError(f"{self.label_file} has no column '{column}'{nearest(column, header)} (it has {header})")
        return header.index(column)


def _without_sep(rows: list[str], skipped: list[Skipped]) -> tuple[list[str], list[Skipped]]:
    """Rows without a first one such as `sep=;`, which tells Excel the delimiter."""
    return (rows[1:] if rows and SEP_ROW.match(rows[0]) else rows), skipped


def _header(row: str) -> tuple[str, list[str]]:
    """The delimiter of a table and the names of its columns; none if the row is no row of a table."""
    delimiter = max(",;\t", key=row.count)
    return delimiter, [cell.strip() for cell in _parsed(row, delimiter) or []]


def _parsed(row: str, delimiter: str) -> list[str] | None:
    """The cells of a row; None if it has a cell that `csv` refuses: too long, or with a bare CR."""
    try:
        return next(csv.reader([row], delimiter=delimiter), [])
    except csv.Error:
        return None


def _cells(row: str, delimiter: str, columns: int) -> list[str] | None:
    """The cells of a row for the header's number of columns; None if `csv` refuses it."""
    cells = _parsed(row, delimiter)
    if columns == 2 and cells is not None:
        image, cut, rest = row.partition(delimiter)
        whole = len(cells) == 2 and (row.startswith('"') or (rest[:1] == '"' and rest.rstrip()[-1:] == '"'))
        if cut and not whole:
            return [image, rest]
    return cells


def _table_rows(rows: Sequence[str], delimiter: str) -> Iterator[str]:
    """The rows of a table: rows of text, joined where a quoted cell goes on in the next ones."""
    at = 0
    while at < len(rows):
        row, at = rows[at], at + 1
        if '"' in row and _ends_in_cell(row, delimiter):
            joined = row
            for end in range(at, min(at + MOST_CELL_ROWS, len(rows))):
                if is_image_name(rows[end].partition(delimiter)[0].strip(' "')):
                    break
                joined += "\n" + rows[end]
                if not _ends_in_cell(joined, delimiter):
                    row, at = joined, end + 1
                    break
        yield row


def _ends_in_cell(row: str, delimiter: str) -> bool:
    """Whether a quoted cell of a row is not closed in it."""
    at = 0
    while True:
        if row.startswith('"', at):
            closing = re.compile(r'(?:[^"]|"")*"(?!")').match(row, at + 1)
            if closing is None:
                return True
            at = closing.end()
        at = row.find(delimiter, at) + 1
        if not at:
            return False


def _known_columns(header: list[str]) -> tuple[str, str] | None:
    lower = {cell.lower(): cell for cell in reversed(header)}
    image = next((lower[c] for c in IMAGE_COLUMNS if c in lower), None)
    text = next((lower[c] for c in TEXT_COLUMNS if c in lower), None)
    return None if image is None or text is None else (image, text)


def _fits(path: Path) -> bool:
    rows, _ = _without_sep(first_rows(path), [])
    return bool(rows) and not _names_an_image(rows[0]) and _known_columns(_header(rows[0])[1]) is not None


def _names_an_image(row: str) -> bool:
    """Whether a row names an image, so that it is no header. A label may be "Date, Name, Text"."""
    return any(is_image_name(part) for part in re.split(r"[,;\t ]+", row[:MOST_HEADER_CHARACTERS]))


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
