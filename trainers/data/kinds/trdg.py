"""What TextRecognitionDataGenerator writes with `--name_format 2`: images and a `labels.txt` of `name label` rows.

The row is cut at its first space. (Formats 0 and 1 put the label into the file's name and lose characters; write it again
with format 2.)

Source: https://github.com/Belval/TextRecognitionDataGenerator, trdg/run.py.
"""

from __future__ import annotations

from trainers.data.kinds import data_kinds
from trainers.data.lines import Skipped
from trainers.data.source import ListedImages, ListedKind, is_image_name, read_rows


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


@data_kinds.register("trdg")
class TrdgKind(ListedKind):
    """A file or folder of TextRecognitionDataGenerator."""

    order = 80
    labels = TrdgLabels
    suffixes = (".txt",)
    expected = "labels.txt of rows 'image label'"

    def is_row(self, row: str) -> bool:
        """Whether a row names an image and has a label behind it."""
        return is_image_name(row.partition(" ")[0]) and " " in row
