"""LMDB datasets in the layout of deep-text-recognition-benchmark, PARSeq, OpenOCR and FudanVI's benchmark.

The keys are `num-samples` and, counted from 1, `image-000000001` (bytes of an image file) and `label-000000001` (UTF-8).
Databases in subfolders are joined, in the order of their paths; hidden folders are passed over.

Source: https://github.com/clovaai/deep-text-recognition-benchmark, create_lmdb_dataset.py and dataset.py.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from trainers.base.errors import UserError
from trainers.base.images import decode_image
from trainers.data.fingerprint import digest_of, file_stamp
from trainers.data.folders import walk
from trainers.data.kinds import data_kinds
from trainers.data.lines import Line, LineSet, Skipped
from trainers.data.source import DataKind

FILE = "data.mdb"
SHOWN_KEYS = 3
"""Most keys of a database in a message."""
SHOWN_BYTES = 30
"""Most bytes of a key or value in a message."""
NAMED_DATABASE_BYTES = 48
"""Bytes of the record that LMDB keeps under the name of a named database."""

READ_ALL = """
import sys, lmdb
with lmdb.open(sys.argv[1], readonly=True, lock=False) as environment, environment.begin(buffers=True) as transaction:
    for key, value in transaction.cursor():
        bytes(key), bytes(value[:1]), bytes(value[-1:])
"""
"""A program that touches the first and the last page of every value of a database."""

_open_environments: dict[str, tuple[tuple[str, int, int], Any]] = {}
"""Open databases: path to (stamp of the file, environment). LMDB forbids a process to open a database twice."""


def _environment(folder: str) -> Any:
    """Opens the database in a folder, once per process and again when its file has changed.

    Raises:
        UserError: the package `lmdb` is not installed, or the file is not a database.
    """
    try:
        import lmdb
    except ModuleNotFoundError:
        raise UserError(f"{folder} is an LMDB set, which needs the package 'lmdb': pip install lmdb") from None
    stamp = file_stamp(Path(folder) / FILE)
    known = _open_environments.get(folder)
    if known is not None and known[0] == stamp:
        return known[1]
    if known is not None:
        known[1].close()
    try:
        environment = lmdb.open(folder, readonly=True, lock=False, readahead=False, meminit=False, max_readers=64)
        needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    except lmdb.Error as error:
        raise UserError(f"{folder} is not a readable LMDB set: {error}") from None
    size = (Path(folder) / FILE).stat().st_size
    if size < needed and not _can_be_read(folder):
        environment.close()
        raise UserError(f"{folder} is cut short: {FILE} has {size:,} of {needed:,} bytes; copy it again")
    _open_environments[folder] = (stamp, environment)
    return environment


def _can_be_read(folder: str) -> bool:
    """Whether a database whose file is shorter than it says can be read all the same: unused pages may be missing.

    Reading a page behind the end of the file kills the process, so another process tries.
    """
    return subprocess.run([sys.executable, "-c", READ_ALL, folder], capture_output=True, check=False).returncode == 0


class _Open:
    """Reads a database. After a damaged page LMDB refuses everything else in the same transaction, so a new one begins."""

    def __init__(self, folder: str) -> None:
        self._environment = _environment(folder)
        self._transaction = self._environment.begin()

    @property
    def entries(self) -> int:
        """Number of entries."""
        count: int = self._environment.stat()["entries"]
        return count

    def get(self, key: str) -> bytes | None:
        """Reads the value of a key; None if there is none.

        Raises:
            UserError: the database is damaged at this place.
        """
        import lmdb

        try:
            value: bytes | None = self._transaction.get(key.encode())
        except lmdb.Error:
            self.close()
            self._transaction = self._environment.begin()
            raise UserError("the database is damaged here") from None
        return value

    def has_first_lines(self) -> bool:
        """Whether keys are counted and padded as they should be. Single lines may be missing, so a hundred are looked at."""
        try:
            return any(self.get(f"{part}-{n:09d}") is not None for n in range(1, 101) for part in ("image", "label"))
        except UserError:  # a damaged page is no wrong form
            return True

    def first_keys(self) -> str:
        """The first keys in words, for a message."""
        import lmdb

        try:
            with self._environment.begin() as transaction:
                first = [(bytes(key), len(value)) for key, value in islice(transaction.cursor(), SHOWN_KEYS)]
        except lmdb.Error:
            return "the first keys cannot be read"
        if not first:
            return "the database is empty"
        shown = ", ".join(_shown(key) for key, _ in first)
        if all(size == NAMED_DATABASE_BYTES for _, size in first):
            return f"it has named databases, {shown}: copy one into the main database"
        return f"the first keys are {shown}"

    def close(self) -> None:
        """Ends the transaction."""
        self._transaction.abort()


def _shown(value: bytes) -> str:
    """Some bytes as text in a message; the whole of it only if it is short."""
    text = value[:SHOWN_BYTES].decode("utf-8", "backslashreplace")
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return f"'{text}'" + ("…" if len(value) > SHOWN_BYTES else "")


@dataclass(frozen=True)
class FromDatabase:
    """Loads an image from a database.

    Attributes:
        folder: folder of the database.
        key: key of the image.
    """

    folder: str
    key: str

    def __call__(self) -> Image.Image:
        with closing(_Open(self.folder)) as database:
            data = database.get(self.key)
        if data is None:
            raise UserError("image is missing")
        return decode_image(data)


@dataclass(frozen=True)
class LmdbFolder:
    """The databases in a folder and its subfolders.

    Attributes:
        folder: the folder to search.
    """

    folder: Path

    def _databases(self) -> list[Path]:
        root = self.folder.resolve()
        return sorted(root / inside for inside, files in walk(root) if any(file.name == FILE for file in files))

    def fingerprint(self) -> str:
        """A digest that changes when a database is added, removed or written to."""
        root = self.folder.resolve()
        return digest_of("lmdb", [(str(d.relative_to(root)), file_stamp(d / FILE)) for d in self._databases()])

    def read(self) -> LineSet:
        """Lists the lines of all databases.

        Raises:
            UserError: there is no database, or none has a line.
        """
        lines: list[Line] = []
        skipped: list[Skipped] = []
        for database in self._databases():
            self._read_one(database, lines, skipped)
        if not lines:
            reasons = "".join(f"; {s.name}: {s.reason}" for s in skipped[:1])
            keys = "num-samples, image-000000001, label-000000001"
            raise UserError(f"{self.folder} holds no LMDB set with lines ({keys}){reasons}")
        return LineSet(lines, skipped)

    def _read_one(self, database: Path, lines: list[Line], skipped: list[Skipped]) -> None:
        inside = database.relative_to(self.folder.resolve()).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        with closing(_Open(str(database))) as opened:
            count, fault = _count(opened, database)
            if fault is not None:
                skipped.append(Skipped(f"{prefix}{FILE}", fault))
            for number in range(1, count + 1):
                key = f"image-{number:09d}"
                try:
                    label = opened.get(f"label-{number:09d}")
                except UserError as error:
                    skipped.append(Skipped(prefix + key, str(error)))
                    continue
                if label is None:
                    skipped.append(Skipped(prefix + key, "image without label"))
                    continue
                try:
                    text = label.decode("utf-8")
                except UnicodeDecodeError:
                    skipped.append(Skipped(prefix + key, "label is not UTF-8"))
                else:
                    lines.append(Line(prefix + key, text, FromDatabase(str(database), key)))


def _count(opened: _Open, database: Path) -> tuple[int, str | None]:
    """The number of lines to look for in a database, and what is wrong with its keys.

    Raises:
        UserError: the index of the database is damaged.
    """
    try:
        written = opened.get("num-samples")
    except UserError:
        raise UserError(f"{database} is damaged: its index cannot be read; copy it again") from None
    digits = (written or b"").strip()
    if not digits.isdigit() or not (digits := digits.lstrip(b"0")):
        wrong = "num-samples is missing" if written is None else f"num-samples is {_shown(written)}, not a number from 1 up"
        return 0, f"{wrong} ({opened.first_keys()})"
    if not opened.has_first_lines():
        return 0, f"image-000000001 and label-000000001 are missing ({opened.first_keys()})"
    entries = opened.entries  # a line has an entry for its label at least
    if len(digits) > len(str(entries)) or int(digits) > entries:
        return entries, "num-samples is larger than the database"
    return int(digits), None


@data_kinds.register("lmdb")
class LmdbKind(DataKind):
    """LMDB datasets: folders with databases."""

    order = 20

    def looks_like(self, path: Path) -> bool:
        """Whether the folder or a subfolder holds a database."""
        return path.is_dir() and any(file.name == FILE for _, files in walk(path) for file in files)

    def open(self, path: Path, extra: str | None) -> LmdbFolder:
        """Opens the databases of a folder."""
        return LmdbFolder(path)
