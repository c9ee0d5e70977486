"""Label files of PaddleOCR and OpenOCR: UTF-8 rows `path<TAB>label`, one image per row.

Decisions:
- A row is split at its first tab only. Further tabs belong to the label, and training reads them as spaces.
- If the first field is a JSON list of images, each of them becomes a line (PaddleOCR draws one at random).
- Rows with detection labels (a JSON list of polygons) are skipped and counted.

Source: PaddleOCR, ppocr/data/simple_dataset.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from trainers.data.kinds import data_kinds
from trainers.data.lines import Skipped
from trainers.data.source import ListedImages, ListedKind, is_image_name
from trainers.data.text_rows import read_rows


class PaddleLabels(ListedImages):
    """The lines of a PaddleOCR label file."""

    kind = "paddle"

    def rows(self) -> tuple[list[tuple[str, str]], list[Skipped]]:
        texts, skipped = read_rows(self.label_file)
        rows: list[tuple[str, str]] = []
        for text in texts:
            image, tab, label = text.partition("\t")
            if not tab:
                skipped.append(Skipped(text[:60], "no tab between image and label"))
            elif _is_detection(label):
                skipped.append(Skipped(image, "a detection label, not a line of text"))
            else:
                rows += [(name, label) for name in _images(image)]
        return rows, skipped


def _images(field: str) -> Iterator[str]:
    field = field.strip()
    if field.startswith("["):
        try:
            yield from (str(name) for name in json.loads(field))
        except (ValueError, RecursionError):
            yield field
    else:
        yield field


def _is_detection(label: str) -> bool:
    return label.startswith("[{") and '"points"' in label and '"transcription"' in label


@data_kinds.register("paddle")
class PaddleKind(ListedKind):
    """PaddleOCR data: a label file, or the folder that contains it."""

    order = 70
    labels = PaddleLabels
    suffixes = (".txt", ".tsv", ".lst", ".list")
    expected = "label file of rows image<TAB>label"

    def is_row(self, row: str) -> bool:
        """Whether a row has an image name followed by a label."""
        image, tab, _ = row.partition("\t")
        return bool(tab) and (is_image_name(image.strip()) or (image.startswith("[") and is_image_name(image.rstrip('"] '))))
