"""docTR training data: a folder `images/` and a file `labels.json` with {"image": "label"}.

Source: docTR, references/recognition/README.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trainers.base.errors import UserError
from trainers.data.kinds import data_kinds
from trainers.data.lines import Skipped
from trainers.data.source import DataKind, ListedImages, folder_or_none, is_image_name


class DoctrLabels(ListedImages):
    """The lines of a `labels.json`."""

    kind = "doctr"

    def rows(self) -> tuple[list[tuple[str, str]], list[Skipped]]:
        labels = _labels(self.label_file)
        if not isinstance(labels, dict):
            raise UserError(f'{self.label_file} is not a JSON object of {{"image": "label"}}')
        rows = [(name, label) for name, label in labels.items() if isinstance(label, str)]
        skipped = [Skipped(name, "label is not text") for name, label in labels.items() if not isinstance(label, str)]
        return rows, skipped


def _labels(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        return None


def _file(path: Path) -> Path:
    return path / "labels.json" if path.is_dir() else path


@data_kinds.register("doctr")
class DoctrKind(DataKind):
    """docTR data: a `labels.json`, or the folder that contains it."""

    order = 30

    def looks_like(self, path: Path) -> bool:
        """Whether the file is a JSON object with image names as keys."""
        file = _file(path)
        if file.suffix.lower() != ".json" or not file.is_file():
            return False
        labels = _labels(file)
        return isinstance(labels, dict) and any(is_image_name(name) for name in list(labels)[:50])

    def open(self, path: Path, extra: str | None) -> DoctrLabels:
        """Opens the labels at a path; `extra` is the folder of their images."""
        if not _file(path).is_file():
            raise UserError(f"{path} holds no labels.json")
        return DoctrLabels(_file(path), folder_or_none(extra))
