"""Output of TextRecognitionDataGenerator with `--name_format 2`: images and a `labels.txt` with rows `name label`.

A row is split at its first space. The formats 0 and 1 are not supported, because they put the label into the file name and lose
characters.

Source: https://github.com/Belval/TextRecognitionDataGenerator, trdg/run.py.
"""

from __future__ import annotations

from trainers.data.kinds import data_kinds
from trainers.data.lines import Skipped
from trainers.data.source import ListedImages, ListedKind, is_image_name
from trainers.data.text_rows import read_rows


class TrdgLabels(ListedImages):
    """The lines of a `labels.txt`."""

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


@data_kinds.register("trdg")
class TrdgKind(ListedKind):
    """TextRecognitionDataGenerator data: a `labels.txt`, or the folder that contains it."""

    order = 80
    labels = TrdgLabels
    suffixes = (".txt",)
    expected = "labels.txt of rows 'image label'"

    def is_row(self, row: str) -> bool:
        """Whether a row has an image name followed by a label."""
        return is_image_name(row.partition(" ")[0]) and " " in row
