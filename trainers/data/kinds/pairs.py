"""Folders of pairs `x.png` and `x.gt.txt`, the training data of OCRopus, Tesseract and kraken.

Decisions:
- `x.bin.png`, `x.nrm.png` and `x.png` are images of one line. Only one of them is used, preferably the binarised one; otherwise
  the line would be trained three times.
- If labels with the word are there (`x.bin.gt.txt`), they belong to the image with the word.
- Subfolders are read too, also through links; hidden ones are not.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from trainers.base.errors import UserError
from trainers.base.regular_file import MOST_LABEL_BYTES, read_regular
from trainers.data.fingerprint import digest_of
from trainers.data.folders import walk
from trainers.data.image_names import is_there
from trainers.data.kinds import data_kinds
from trainers.data.lines import IMAGE_SUFFIXES, FromFile, Line, LineSet, Skipped
from trainers.data.source import DataKind
from trainers.data.text_rows import as_utf8, split_rows

LABEL_SUFFIX = ".gt.txt"
"""Suffix of label files."""
SAMPLED_FILES = 4000
"""Files that are looked at to see whether most images have a label; in the order of their names the two lie side by side."""
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
        labels, images = self.partners()
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
            hint = f"; the first, {skipped[0].name}: {skipped[0].reason}" if skipped else ""
            raise UserError(f"{self.folder} holds no pair of x{LABEL_SUFFIX} and x.png{hint}")
        return LineSet(lines, skipped)

    def _files(self) -> list[_Found]:
        return sorted((_found(path, entry) for path, entry in self._entries()), key=lambda f: f.path)

    def _entries(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        for inside, entries in walk(self.folder):
            for entry in entries:
                yield f"{inside}/{entry.name}" if inside else entry.name, entry

    def partners(self, most: int | None = None) -> tuple[dict[str, str], dict[str, str]]:
        """The label path and the preferred image path of each stem, of the first `most` files or of all."""
        paths = sorted(path for path, _ in islice(self._entries(), most))
        labels = {_composed(path[: -len(LABEL_SUFFIX)]): path for path in paths if is_label(path)}
        images: dict[str, tuple[int, str]] = {}
        for path in paths:
            stems = image_stems(path)
            if stems:
                stem = next((stem for stem in stems if stem in labels), stems[-1])
                rank = _rank(path)
                images[stem] = min(images.get(stem, (rank, path)), (rank, path))
        return labels, {stem: path for stem, (_, path) in images.items()}

    def _label(self, path: str) -> str | Skipped:
        try:
            data = read_regular(self.folder / path, MOST_LABEL_BYTES)
            rows = [row.decode("utf-8") for row in split_rows(as_utf8(data)) if row.strip()]
        except UserError as error:
            return Skipped(path, f"label is {error}")
        except UnicodeDecodeError:
            return Skipped(path, "label is not UTF-8")
        except OSError:
            return Skipped(path, "label cannot be read")
        if len(rows) > 1:
            return Skipped(path, "label of more than one line")
        return rows[0] if rows else ""


def _found(path: str, entry: os.DirEntry[str]) -> _Found:
    try:
        status = entry.stat()
    except OSError:  # a link to nothing
        return _Found(path, 0, 0)
    return _Found(path, status.st_size, status.st_mtime_ns)


def is_label(name: str) -> bool:
    """Whether a file is a label, by its name."""
    return name.lower().endswith(LABEL_SUFFIX)


def image_stems(path: str) -> list[str]:
    """The stems by which an image may be named by its label, the first that has a label counts; empty if it is no image.

    `x.bin.png` may have the label `x.bin.png.gt.txt`, `x.bin.gt.txt` or `x.gt.txt`. Stems are composed (NFC), because macOS
    decomposes letters with accents in some names.
    """
    stem = _composed(path)
    stems = [stem]
    while stem.lower().endswith(IMAGE_SUFFIXES):
        stem = stem[: stem.rindex(".")]
        stems.append(stem)
    if len(stems) == 1:
        return []
    word = _variant(stem)
    return [*stems, stem[: len(stem) - len(word)]] if word else stems


def label_beside(path: Path) -> Path | None:
    """The label file of a single image; None if none is there."""
    forms = (unicodedata.normalize(form, stem) for stem in image_stems(path.name) or [path.name] for form in ("NFC", "NFD"))
    names = (form + suffix for form in forms for suffix in (LABEL_SUFFIX, LABEL_SUFFIX.upper()))
    return next((label for label in map(path.with_name, names) if is_there(label)), None)


def _rank(path: str) -> int:
    """The rank of an image among those of one line; 0 is preferred."""
    stem = path
    while stem.lower().endswith(IMAGE_SUFFIXES):
        stem = stem[: stem.rindex(".")]
    return VARIANTS.index(_variant(stem))


def _variant(stem: str) -> str:
    return next((v for v in VARIANTS if v and stem.lower().endswith(v)), "")


def _composed(path: str) -> str:
    return path if path.isascii() else unicodedata.normalize("NFC", path)


@data_kinds.register("pairs")
class PairsKind(DataKind):
    """A folder of image and label pairs."""

    order = 10

    def looks_like(self, path: Path) -> bool:
        """Whether the folder or a subfolder holds a `.gt.txt`."""
        return path.is_dir() and any(is_label(entry.name) for _, entries in walk(path) for entry in entries)

    def is_complete(self, path: Path) -> bool:
        """Whether at least half of the first images have a label. One stray pair may lie beside a list of all images."""
        labels, images = Pairs(path).partners(SAMPLED_FILES)
        return 2 * len(labels.keys() & images.keys()) >= len(images)

    def open(self, path: Path, extra: str | None) -> Pairs:
        """Opens the pairs of a folder."""
        return Pairs(path)
