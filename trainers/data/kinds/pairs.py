"""Folders of pairs `x.png` and `x.gt.txt`, the training data of OCRopus, Tesseract and kraken.

Decisions:
- `x.bin.png`, `x.nrm.png` and `x.png` are images of one line. Only one of them is used, preferably the binarised one; otherwise
  the line would be trained three times.
- Subfolders are read too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from trainers.base.errors import UserError
from trainers.base.regular_file import MOST_LABEL_BYTES, read_regular
from trainers.data.fingerprint import digest_of
from trainers.data.kinds import data_kinds
from trainers.data.lines import IMAGE_SUFFIXES, FromFile, Line, LineSet, Skipped
from trainers.data.source import DataKind

LABEL_SUFFIX = ".gt.txt"
"""Suffix of label files."""
VARIANTS = (".bin", ".nrm", "", ".dew", ".raw", ".gray", ".color")
"""Words between the stem and the image suffix, the preferred one first; OCRopus and kraken write them."""


@dataclass(frozen=True)
class _Found:
    """A file of the folder: path relative to it, size in bytes, time of change in nanoseconds since 1970."""

    path: str
    size: int
    changed: int


@dataclass(frozen=True)
class Pairs:
    """A folder of image and label pairs.

    Attributes:
        folder: path of the folder.
    """

    folder: Path

    def fingerprint(self) -> str:
        """A digest that changes when a file of the folder is added, removed, renamed or rewritten."""
        return digest_of("pairs", *((f.path, f.size, f.changed) for f in self._files()))

    def read(self) -> LineSet:
        """Lists the pairs in the order of their names.

        Raises:
            UserError: the folder holds no pair.
        """
        labels, images = self._by_stem()
        lines: list[Line] = []
        skipped: list[Skipped] = []
        for stem in sorted(labels.keys() | images.keys()):
            if stem not in images:
                skipped.append(Skipped(labels[stem], "label without image"))
            elif stem not in labels:
                skipped.append(Skipped(images[stem], "image without label"))
            else:
                text = self._label(labels[stem])
                if isinstance(text, Skipped):
                    skipped.append(text)
                else:
                    lines.append(Line(images[stem], text, FromFile(str(self.folder / images[stem]))))
        if not lines:
            hint = f" ({len(skipped)} files without a partner)" if skipped else ""
            raise UserError(f"{self.folder} holds no pair of x{LABEL_SUFFIX} and x.png{hint}")
        return LineSet(lines, skipped)

    def _files(self) -> list[_Found]:
        found: list[_Found] = []
        waiting = [""]
        while waiting:
            inside = waiting.pop()
            with os.scandir(self.folder / inside) as entries:
                for entry in entries:
                    path = f"{inside}/{entry.name}" if inside else entry.name
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(path)
                    else:
                        found.append(_found(path, entry))
        return sorted(found, key=lambda f: f.path)

    def _by_stem(self) -> tuple[dict[str, str], dict[str, str]]:
        """The label path and the preferred image path of each stem."""
        labels: dict[str, str] = {}
        images: dict[str, tuple[int, str]] = {}
        for found in self._files():
            if found.path.endswith(LABEL_SUFFIX):
                labels[found.path.removesuffix(LABEL_SUFFIX)] = found.path
            elif (split := split_image(found.path)) is not None:
                stem, rank = split
                images[stem] = min(images.get(stem, (rank, found.path)), (rank, found.path))
        return labels, {stem: path for stem, (_, path) in images.items()}

    def _label(self, path: str) -> str | Skipped:
        try:
            text = read_regular(self.folder / path, MOST_LABEL_BYTES).decode("utf-8-sig")
        except UserError as error:
            return Skipped(path, f"label is {error}")
        except UnicodeDecodeError:
            return Skipped(path, "label is not UTF-8")
        except OSError:
            return Skipped(path, "label cannot be read")
        rows = [row.removesuffix("\r") for row in text.split("\n") if row.strip()]
        if len(rows) > 1:
            return Skipped(path, "label of more than one line")
        return rows[0] if rows else ""


def _found(path: str, entry: os.DirEntry[str]) -> _Found:
    try:
        status = entry.stat()
    except OSError:  # a link to nothing
        return _Found(path, 0, 0)
    return _Found(path, status.st_size, status.st_mtime_ns)


def split_image(path: str) -> tuple[str, int] | None:
    """Splits an image path into its stem and its rank in `VARIANTS` (0 is preferred). Returns None if it is not an image."""
    stem = path
    while stem.lower().endswith(IMAGE_SUFFIXES):
        stem = stem[: stem.rindex(".")]
    if stem == path:
        return None
    word = next((v for v in VARIANTS if v and stem.lower().endswith(v)), "")
    return stem[: len(stem) - len(word)], VARIANTS.index(word)


@data_kinds.register("pairs")
class PairsKind(DataKind):
    """A folder of image and label pairs."""

    order = 10

    def looks_like(self, path: Path) -> bool:
        """Whether the folder or a subfolder holds a `.gt.txt`."""
        return path.is_dir() and any(name.endswith(LABEL_SUFFIX) for _, _, names in os.walk(path) for name in names)

    def open(self, path: Path, extra: str | None) -> Pairs:
        """Opens the pairs of a folder."""
        return Pairs(path)
