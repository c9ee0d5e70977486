"""Word recognition data of the ICDAR robust reading competitions: `gt.txt` with rows `word_1.png, "Text"`.

Decisions:
- A row is split at its first comma, so labels may contain commas. The quotes around a label are removed, and `\\"` becomes `"`.
- A byte order mark at the beginning of the file is ignored.
- The label `###` marks a word as unreadable; such rows are skipped and counted.

Source: https://rrc.cvc.uab.es, tasks "word recognition".
"""

from __future__ import annotations

import re

from trainers.data.kinds import data_kinds
from trainers.data.lines import Skipped
from trainers.data.source import ListedImages, ListedKind, is_image_name
from trainers.data.text_rows import read_rows

ROW = re.compile(r"^([^,]+),\s*(.*?)\s*$")


class IcdarLabels(ListedImages):
    """The lines of a `gt.txt`."""

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


@data_kinds.register("icdar")
class IcdarKind(ListedKind):
    """ICDAR word recognition data: a `gt.txt`, or the folder that contains it."""

    order = 60
    labels = IcdarLabels
    suffixes = (".txt",)
    expected = "gt.txt of rows 'image, \"label\"'"

    def is_row(self, row: str) -> bool:
        """Whether a row has an image name followed by a label."""
        return is_image_name(row.partition(",")[0].strip()) and "," in row
