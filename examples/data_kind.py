"""A data kind in one file: JSON lines of {"image": path, "text": label}, in a file or the `labels.jsonl` of a folder.

To install it, put it into a package of your own and name it in that package's pyproject.toml:

    [project.entry-points."paretext.data_kind"]
    jsonl = "my_package.data_kind:JsonLinesKind"
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from trainers.base.errors import UserError
from trainers.data.fingerprint import digest_of, file_stamp
from trainers.data.lines import FromFile, Line, LineSet, Skipped
from trainers.data.source import DataKind


@dataclass(frozen=True)
class JsonLines:
    """A file of JSON lines.

    Attributes:
        file: its images are named relative to its folder.
    """

    file: Path

    def _rows(self) -> list[str]:
        try:
            return [row for row in self.file.read_text(encoding="utf-8").split("\n") if row.strip()]
        except (OSError, UnicodeDecodeError):
            raise UserError(f"{self.file} is not a readable file of JSON lines") from None

    def read(self) -> LineSet:
        """The lines in the order of the file."""
        lines, skipped = [], []
        for number, row in enumerate(self._rows(), start=1):
            try:
                values = json.loads(row)
                lines.append(Line(values["image"], values["text"], FromFile(str(self.file.parent / values["image"]))))
            except (ValueError, KeyError, TypeError):
                skipped.append(Skipped(f"{self.file.name} row {number}", "no JSON object with image and text"))
        if not lines:
            raise UserError(f"{self.file} lists no line that can be used")
        return LineSet(lines, skipped)

    def fingerprint(self) -> str:
        """Changes when the file or one of its images is rewritten."""
        images = [file_stamp(self.file.parent / line.name) for line in self.read().lines]
        return digest_of("jsonl", file_stamp(self.file), images)


class JsonLinesKind(DataKind):
    """A `.jsonl` file, or a folder with `labels.jsonl`."""

    def looks_like(self, path: Path) -> bool:
        """Whether there is such a file."""
        return _file(path).suffix == ".jsonl" and _file(path).is_file()

    def open(self, path: Path, extra: str | None) -> JsonLines:
        """The file at a path; nothing may stand behind `@`."""
        if extra is not None:
            raise UserError(f"jsonl takes nothing behind '@', not '{extra}'")
        return JsonLines(_file(path))


def _file(path: Path) -> Path:
    return path / "labels.jsonl" if path.is_dir() else path
