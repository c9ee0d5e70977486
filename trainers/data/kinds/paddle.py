"""Label files as PaddleOCR and OpenOCR train on: `path<TAB>label`, UTF-8, one image a row.

Decisions:
- The row is cut at its first tab: a label may hold tabs.
- A first field that is a JSON list of images gives one line for each of them (PaddleOCR shows one at random).
- Rows of detection labels (a JSON list of polygons as label) are skipped and counted.

Source: PaddleOCR, ppocr/data/simple_dataset.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from trainers.data.kinds import data_kinds
from trainers.data.lines import Skipped
from trainers.data.source import ListedImages, ListedKind, is_image_name, read_rows


class PaddleLabels(ListedImages):
    """A label file of PaddleOCR."""

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
        except json.JSONDecodeError:
            yield field
    else:
        yield field


def _is_detection(label: str) -> bool:
    return label.startswith("[{") and '"points"' in label and '"transcription"' in label


@data_kinds.register("paddle")
class PaddleKind(ListedKind):
    """A file or folder of PaddleOCR labels."""

    order = 70
    labels = PaddleLabels
    suffixes = (".txt", ".tsv", ".lst", ".list")
    expected = "label file of rows image<TAB>label"

    def is_row(self, row: str) -> bool:
        """Whether a row names an image and has a label behind it."""
        image, tab, _ = row.partition("\t")
        return bool(tab) and (is_image_name(image.strip()) or (image.startswith("[") and is_image_name(image.rstrip('"] '))))
