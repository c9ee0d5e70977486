"""The contract of a data source, and what the sources that list images in a text file have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import ClassVar, Protocol

from trainers.base.errors import UserError
from trainers.data.fingerprint import digest_of, file_stamp
from trainers.data.lines import IMAGE_SUFFIXES, FromFile, Line, LineSet, Skipped

SNIFFED_ROWS = 50


class Source(Protocol):
    """Labelled lines somewhere."""

    def fingerprint(self) -> str:
        """Changes when the content does; cheap: file names, sizes and times, not bytes."""
        ...

    def read(self) -> LineSet:
        """Lists all lines without decoding an image.

        Raises:
            UserError: there is no usable line.
        """
        ...


class DataKind:
    """A kind of source; `testing.data_kind_contract` holds every kind to this.

    Attributes:
        order: kinds are asked in this order what a path looks like when none is named, lowest first.
        has_parts: whether the last name of a path may be a part inside its folder that is no file, such as a split.
    """

    order: ClassVar[int] = 100
    has_parts: ClassVar[bool] = False

    @abstractmethod
    def looks_like(self, path: Path) -> bool:
        """Whether a file or folder that exists is of this kind, judged by names and first rows."""

    @abstractmethod
    def open(self, path: Path, extra: str | None) -> Source:
        """The source at a path.

        Args:
            path: a file or folder.
            extra: what stood behind `@`; None when nothing did.

        Raises:
            UserError: nothing there is of this kind, or `extra` means nothing to it.
        """

    def validation(self, path: Path) -> str | None:
        """The validation source that lies beside a training source of this kind; None when there is none."""
        return None

    def test(self, path: Path) -> str | None:
        """The source of test lines that lies beside a training source of this kind; None when there is none."""
        return None


class ListedImages:
    """A text file that lists image files and their labels.

    Args:
        label_file: the list.
        images: folder that its names are relative to; None looks for it near the list.
    """

    kind: ClassVar[str]

    def __init__(self, label_file: Path, images: Path | None) -> None:
        self.label_file = label_file
        self._images = images

    @abstractmethod
    def rows(self) -> tuple[list[tuple[str, str]], list[Skipped]]:
        """(image name, label) of each row, and the rows that cannot be read."""

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
        """Folder that the names in the list are relative to."""
        if self._images is not None:
            return self._images
        return find_images(self.label_file, self.kind, [name for name, _ in self._rows[0]])

    def fingerprint(self) -> str:
        """Changes when the list or any of its images is rewritten."""
        names = dict.fromkeys(name for name, _ in self._rows[0])
        return digest_of(self.kind, file_stamp(self.label_file), [file_stamp(self.images / name) for name in names])

    def read(self) -> LineSet:
        """The lines in the order of the list."""
        rows, skipped = self._rows
        lines, skipped = [], list(skipped)
        for name, text in rows:
            path = self.images / name
            if path.is_file():
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
        labels: reads such a file.
        suffixes: of its name.
        expected: what it holds, for the message where there is none.
    """

    labels: ClassVar[type[ListedImages]]
    suffixes: ClassVar[tuple[str, ...]]
    expected: ClassVar[str]

    @abstractmethod
    def is_row(self, row: str) -> bool:
        """Whether a row of text may be one of such a file; most of its first rows must be."""

    def _fits(self, path: Path) -> bool:
        rows = first_rows(path)
        return bool(rows) and sum(map(self.is_row, rows)) > len(rows) / 2

    def looks_like(self, path: Path) -> bool:
        """Whether a path is such a file, or a folder that holds one."""
        return bool(label_files(path, self.suffixes, self._fits))

    def open(self, path: Path, extra: str | None) -> ListedImages:
        """The list at a path; `extra` is the folder of its images."""
        found = only_one(path, label_files(path, self.suffixes, self._fits), self.labels.kind, self.expected)
        return self.labels(found, folder_or_none(extra))


def find_images(label_file: Path, kind: str, names: Sequence[str]) -> Path:
    """The folder near a list in which most of its first images lie.

    Raises:
        UserError: none of them lies anywhere near.
    """
    near = label_file.parent
    places = [near, near / "images", near / label_file.stem, *islice(near.resolve().parents, 2)]
    sample = names[:SNIFFED_ROWS]
    found = [sum((place / name).is_file() for name in sample) for place in places]
    if sample and not max(found):
        raise UserError(
            f"no image of {label_file} is there: looked for {sample[0]} in {near}, its parents and {near / 'images'}; "
            f"name the folder as {kind}:{label_file}@FOLDER"
        )
    return places[found.index(max(found))]


def read_rows(path: Path) -> tuple[list[str], list[Skipped]]:
    """Rows of a UTF-8 text file that are not blank, without line ends and byte order mark; and those that are not UTF-8.

    Raises:
        UserError: the file cannot be read, or most of it is not UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    rows: list[str] = []
    skipped: list[Skipped] = []
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            row = raw.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError:
            skipped.append(Skipped(f"{path.name} row {number}", "label is not UTF-8"))
        else:
            if row.strip():
                rows.append(row)
    if len(skipped) > len(rows) or any("\0" in row for row in rows[:SNIFFED_ROWS]):
        raise UserError(f"{path} is not UTF-8 text; convert it, for example: iconv -f GB18030 -t UTF-8 {path.name}")
    return rows, skipped


def first_rows(path: Path) -> list[str]:
    """The first rows of a file, for a look; none when it is not text."""
    try:
        with path.open("rb") as file:
            raw = list(islice(file, SNIFFED_ROWS))
    except OSError:
        return []
    rows = [row.decode("utf-8", errors="ignore").removeprefix("\ufeff").rstrip("\r\n") for row in raw]
    return [row for row in rows if row.strip() and "\0" not in row]


def is_image_name(name: str) -> bool:
    """Whether a name ends like an image's."""
    return name.lower().endswith(IMAGE_SUFFIXES)


def text_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Files of a folder (not of those in it) with one of some suffixes, sorted."""
    return sorted(p for p in folder.iterdir() if _is_listing(p.name, suffixes) and p.is_file())


def _is_listing(name: str, suffixes: tuple[str, ...]) -> bool:
    return name.lower().endswith(suffixes) and not name.endswith(".gt.txt") and not name.startswith(".")


def label_files(path: Path, suffixes: tuple[str, ...], fits: Callable[[Path], bool]) -> list[Path]:
    """The label files meant by a path: itself, or those in the folder."""
    if path.is_dir():
        return [p for p in text_files(path, suffixes) if fits(p)]
    return [path] if path.suffix.lower() in suffixes and fits(path) else []


def only_one(path: Path, files: Sequence[Path], kind: str, expected: str) -> Path:
    """The one label file meant by a path.

    Raises:
        UserError: none, or several.
    """
    if path.is_file():
        return path
    if not files:
        raise UserError(f"{path} holds no {expected}")
    if len(files) > 1:
        names = ", ".join(p.name for p in files[:4])
        raise UserError(f"{path} holds several label files ({names}); name one, as {kind}:{files[0]}, or several joined by ';'")
    return files[0]


def folder_or_none(extra: str | None) -> Path | None:
    """The folder named behind `@`.

    Raises:
        UserError: it is not there.
    """
    if extra is None:
        return None
    folder = Path(extra).expanduser()
    if not folder.is_dir():
        raise UserError(f"image folder {folder} is not there")
    return folder
