"""Word tasks of the ICDAR robust reading competitions: `gt.txt` with rows `word_1.png, "Text"`, often with a byte order mark.

Decisions:
- The row is cut at its first comma, so labels keep their commas; one pair of quotes around the label goes, `\\"` inside is `"`.
- `###` means that the word cannot be read: such rows are skipped and counted.

Source: https://rrc.cvc.uab.es, tasks "word recognition".
"""

from __future__ import annotations

import re
from pathlib import Path

from trainers.data.lines import Skipped
from trainers.data.source import (
    Kind,
    ListedImages,
    first_rows,
    folder_or_none,
    is_image_name,
    label_files,
    only_one,
    read_rows,
)

SUFFIXES = (".txt",)
ROW = re.compile(r"^([^,]+),\s*(.*?)\s*$")


class IcdarLabels(ListedImages):
    """A `gt.txt` of ICDAR's word tasks."""

    kind = "icdar"

    def rows(self) -> tuple[list[tuple[str, str]], list[Skipped]]:
        texts, skipped = read_rows(self.label_file)
        rows: list[tuple[str, str]] = []
        for text in texts:
            row = ROW.match(text)
            if row is None:
                skipped.append(Skipped(text[:60], "no comma between image and label"))
            elif _unquoted(row[2]) == "###":
                skipped.append(Skipped(row[1], "marked as unreadable (###)"))
            else:
                rows.append((row[1].strip(), _unquoted(row[2])))
        return rows, skipped


def _unquoted(label: str) -> str:
    if len(label) >= 2 and label[0] == label[-1] == '"':
        return label[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return label


def _fits(path: Path) -> bool:
    rows = first_rows(path)
    return bool(rows) and sum(is_image_name(row.partition(",")[0].strip()) and "," in row for row in rows) > len(rows) / 2


def _open(path: Path, extra: str | None) -> IcdarLabels:
    found = only_one(path, label_files(path, SUFFIXES, _fits), "icdar", "gt.txt of rows 'image, \"label\"'")
    return IcdarLabels(found, folder_or_none(extra))


KIND = Kind(lambda path: bool(label_files(path, SUFFIXES, _fits)), _open)
