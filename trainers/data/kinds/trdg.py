"""What TextRecognitionDataGenerator writes with `--name_format 2`: images and a `labels.txt` of `name label` rows.

The row is cut at its first space. (Formats 0 and 1 put the label into the file's name and lose characters; write it again
with format 2.)

Source: https://github.com/Belval/TextRecognitionDataGenerator, trdg/run.py.
"""

from __future__ import annotations

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


class TrdgLabels(ListedImages):
    """A `labels.txt` of TextRecognitionDataGenerator."""

    kind = "trdg"

    def rows(self) -> tuple[list[tuple[str, str]], list[Skipped]]:
        texts, skipped = read_rows(self.label_file)
        rows: list[tuple[str, str]] = []
        for text in texts:
            image, space, label = text.partition(" ")
            if space:
                rows.append((image, label))
            else:
                skipped.append(Skipped(text[:60], "no space between image and label"))
        return rows, skipped


def _fits(path: Path) -> bool:
    rows = first_rows(path)
    return bool(rows) and sum(is_image_name(row.partition(" ")[0]) and " " in row for row in rows) > len(rows) / 2


def _open(path: Path, extra: str | None) -> TrdgLabels:
    found = only_one(path, label_files(path, SUFFIXES, _fits), "trdg", "labels.txt of rows 'image label'")
    return TrdgLabels(found, folder_or_none(extra))


KIND = Kind(lambda path: bool(label_files(path, SUFFIXES, _fits)), _open)
