"""Finds the labels of single image files in the files beside them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from trainers.base.errors import UserError
from trainers.base.regular_file import MOST_LABEL_BYTES, MOST_LIST_BYTES, read_regular
from trainers.data.image_names import is_there
from trainers.data.kinds.pairs import LABEL_SUFFIX, label_beside
from trainers.data.source import is_image_name
from trainers.data.text_rows import as_utf8, split_rows

LIST_NAME = "labels.txt"
"""File with a row `name<TAB>text` for each image, as PaddleOCR and `paretext data render` write it."""
FOLDERS_ABOVE = 3
"""How many folders above the one of an image are searched for a list; `paretext data render` writes images two below it."""


class NoList(UserError):
    """A list of labels that cannot be read, so that no image of its folder has a label."""


class LabelsBeside:
    """Labels of images from `x.gt.txt` beside an image, or from a `labels.txt` in its folder or in one above it.

    Each list is read once. A row `name<TAB>text` or `name text` names an image relative to the folder of the
    list.
    """

    def __init__(self) -> None:
        self._lists: dict[Path, dict[str, str]] = {}

    def check(self, paths: Iterable[Path]) -> None:
        """Checks that at least one of some images has a label.

        Raises:
            UserError: none has one, or a list of labels cannot be read; why, for the first.
        """
        first: UserError | None = None
        for path in paths:
            if not is_there(path):
                continue
            try:
                self.label_of(path)
            except NoList:
                raise
            except UserError as error:
                first = first or error
            else:
                return
        if first is not None:
            raise first

    def label_of(self, path: Path) -> str:
        """The label of an image.

        Raises:
            UserError: it has none, or the file with it cannot be read.
        """
        label = label_beside(path)
        if label is not None:
            return _text(label, MOST_LABEL_BYTES).strip()
        absolute = path.absolute()
        for folder in islice(absolute.parents, 1 + FOLDERS_ABOVE):
            text = self._listed(folder).get(absolute.relative_to(folder).as_posix())
            if text is not None:
                return text
        raise UserError(
            f"{path} has no truth beside it: write {path.stem}{LABEL_SUFFIX}, or a row of {LIST_NAME}, or leave --truth out"
        )

    def _listed(self, folder: Path) -> dict[str, str]:
        """Name to label, from the list in a folder; of two rows with one name the first counts."""
        if folder not in self._lists:
            path = folder / LIST_NAME
            try:
                rows = split_rows(_bytes(path, MOST_LIST_BYTES)) if is_there(path) else []
                self._lists[folder] = dict(filter(None, (_row(row.decode("utf-8")) for row in reversed(rows))))
            except UnicodeDecodeError:
                raise NoList(f"{path} is not UTF-8 text") from None
            except UserError as error:
                raise NoList(str(error)) from None
        return self._lists[folder]


def _row(row: str) -> tuple[str, str] | None:
    """Name and label of a row, which is cut at its first tab, or at its first blank after the name of an image."""
    name, tab, text = row.partition("\t")
    if not tab:
        name, blank, text = row.partition(" ")
        if not blank or not is_image_name(name):
            return None
    return name.strip().replace("\\", "/").removeprefix("./"), text.strip()


def _text(path: Path, most_bytes: int) -> str:
    """Text of a label file.

    Raises:
        UserError: it cannot be read, is not UTF-8, or is too large to be one.
    """
    try:
        return _bytes(path, most_bytes).decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text") from None


def _bytes(path: Path, most_bytes: int) -> bytes:
    """Content of a text file as UTF-8, if it can be known.

    Raises:
        UserError: it cannot be read, or is too large.
    """
    try:
        return as_utf8(read_regular(path, most_bytes))
    except UserError as error:
        raise UserError(f"{path} is {error}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
