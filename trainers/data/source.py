"""The contract of data sources, and base classes of sources that list images in a text file."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import ClassVar, Protocol

from trainers.base.errors import UserError
from trainers.data.fingerprint import digest_of, file_stamp
from trainers.data.image_names import found_as, is_there, why_no_image
from trainers.data.lines import IMAGE_SUFFIXES, FromFile, Line, LineSet, Skipped
from trainers.data.text_rows import SNIFFED_ROWS, first_rows


class Source(Protocol):
    """A source of labelled lines."""

    def fingerprint(self) -> str:
        """A digest that changes with the content. It is cheap: it uses names, sizes and times of files, not their bytes."""
        ...

    def read(self) -> LineSet:
        """Lists all lines without decoding an image.

        Raises:
            UserError: the source has no usable line.
        """
        ...


class DataKind:
    """A kind of source; `testing.data_kind_contract` tests every kind.

    Attributes:
        order: if a path names no kind, kinds are asked in this order whether they recognise it, lowest first.
        has_parts: whether the last name of a path may be a part of a dataset, such as a split, and not a file or folder.
    """

    order: ClassVar[int] = 100
    has_parts: ClassVar[bool] = False

    @abstractmethod
    def looks_like(self, path: Path) -> bool:
        """Whether an existing file or folder is of this kind; looks only at names and first rows."""

    def is_complete(self, path: Path) -> bool:
        """Whether most images at a path that is of this kind have labels of this kind. If not, other kinds are preferred."""
        return True

    @abstractmethod
    def open(self, path: Path, extra: str | None) -> Source:
        """Opens the source at a path.

        Args:
            path: a file or folder.
            extra: the text after `@` in the name of the source; None if there is none.

        Raises:
            UserError: there is nothing of this kind, or `extra` is not valid for it.
        """

    def validation(self, path: Path) -> str | None:
        """The validation source beside a training source of this kind; None if there is none."""
        return None

    def test(self, path: Path) -> str | None:
        """The source of test lines beside a training source of this kind; None if there is none."""
        return None


class ListedImages:
    """A text file that lists image files and their labels.

    Args:
        label_file: path of the list.
        images: folder that the image names are relative to; None searches for it near the list.
    """

    kind: ClassVar[str]

    def __init__(self, label_file: Path, images: Path | None) -> None:
        self.label_file = label_file
        self._images = images

    @abstractmethod
    def rows(self) -> tuple[list[tuple[str, str]], list[Skipped]]:
        """The (image name, label) of each row, and the rows that cannot be read."""

    @cached_property
    def _rows(self) -> tuple[list[tuple[str, str]], list[Skipped]]:
        rows, skipped = self.rows()
        once = list(dict.fromkeys(rows))
        if len(once) < len(rows):
            seen: set[tuple[str, str]] = set()
            for row in rows:
                if row in seen:
                    skipped.append(Skipped(row[0], "listed twice"))
                seen.add(row)
        return once, skipped

    @cached_property
    def images(self) -> Path:
        """The folder that the names in the list are relative to."""
        if self._images is not None:
            return self._images
        return find_images(self.label_file, self.kind, [name for name, _ in self._rows[0]])

    def fingerprint(self) -> str:
        """A digest that changes when the list or one of its images is rewritten."""
        names = dict.fromkeys(name for name, _ in self._rows[0])
        return digest_of(self.kind, file_stamp(self.label_file), [file_stamp(found_as(self.images, name)) for name in names])

    def read(self) -> LineSet:
        """Lists the lines in the order of the file."""
        rows, skipped = self._rows
        lines, skipped = [], list(skipped)
        for name, text in rows:
            path = found_as(self.images, name)
            if is_there(path):
                lines.append(Line(name, text, FromFile(str(path))))
            else:
                skipped.append(Skipped(name, "image is missing"))
        if not lines:
            reason = f"; the first, {skipped[0].name}: {skipped[0].reason}" if skipped else ""
            raise UserError(f"{self.label_file} lists no line that can be used{reason}")
        return LineSet(lines, skipped)


class ListedKind(DataKind):
    """A kind whose source is a text file that lists images: the file itself, or the only such file of a folder.

    Attributes:
        labels: class that reads such a file.
        suffixes: suffixes of the file name.
        expected: description of the file, for the message if there is none.
    """

    labels: ClassVar[type[ListedImages]]
    suffixes: ClassVar[tuple[str, ...]]
    expected: ClassVar[str]

    @abstractmethod
    def is_row(self, row: str) -> bool:
        """Whether a row of text may belong to such a file. Most of its first rows must."""

    def _fits(self, path: Path) -> bool:
        rows = first_rows(path)
        return bool(rows) and sum(map(self.is_row, rows)) > len(rows) / 2

    def looks_like(self, path: Path) -> bool:
        """Whether a path is such a file, or a folder that contains one."""
        return bool(label_files(path, self.suffixes, self._fits))

    def open(self, path: Path, extra: str | None) -> ListedImages:
        """Opens the list at a path; `extra` is the folder of its images."""
        found = only_one(path, label_files(path, self.suffixes, self._fits), self.labels.kind, self.expected)
        return self.labels(found, folder_or_none(extra))


def find_images(label_file: Path, kind: str, names: Sequence[str]) -> Path:
    """Finds the folder near a list that contains most of its first images.

    Raises:
        UserError: no folder near the list contains one of them.
    """
    near = label_file.parent
    places = [near, near / "images", near / label_file.stem, *islice(near.resolve().parents, 2)]
    sample = names[:SNIFFED_ROWS]
    found = [sum(is_there(found_as(place, name)) for name in sample) for place in places]
    if sample and not max(found):
        raise UserError(why_no_image(label_file, kind, sample, places))
    return places[found.index(max(found))]


def is_image_name(name: str) -> bool:
    """Whether a name has the suffix of an image file."""
    return name.lower().endswith(IMAGE_SUFFIXES)


def text_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Lists the files of a folder, without subfolders, that have one of some suffixes, sorted."""
    return sorted(p for p in folder.iterdir() if _is_listing(p.name, suffixes) and p.is_file())


def _is_listing(name: str, suffixes: tuple[str, ...]) -> bool:
    return name.lower().endswith(suffixes) and not name.lower().endswith(".gt.txt") and not name.startswith(".")


def label_files(path: Path, suffixes: tuple[str, ...], fits: Callable[[Path], bool]) -> list[Path]:
    """Lists the label files at a path: the file itself, or those in the folder."""
    if path.is_dir():
        return [p for p in text_files(path, suffixes) if fits(p)]
    return [path] if path.suffix.lower() in suffixes and fits(path) else []


def only_one(path: Path, files: Sequence[Path], kind: str, expected: str) -> Path:
    """Returns the only label file at a path.

    Raises:
        UserError: there is none, or there are several.
    """
    if path.is_file():
        return path
    if not files:
        raise UserError(f"{path} holds no {expected}")
    if len(files) > 1:
        names = ", ".join(p.name for p in files[:4])
        joined = "" if ";" in str(path) else ", or several joined by ';'"
        raise UserError(f"{path} holds several label files ({names}); name one, as {kind}:{files[0]}{joined}")
    return files[0]


def folder_or_none(extra: str | None) -> Path | None:
    """The folder named after `@`; None if nothing is named.

    Raises:
        UserError: the folder does not exist.
    """
    if extra is None:
        return None
    folder = Path(extra).expanduser()
    if not folder.is_dir():
        raise UserError(f"image folder {folder} is not there")
    return folder
