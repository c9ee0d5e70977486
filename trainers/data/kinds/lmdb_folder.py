"""LMDB datasets in the layout of deep-text-recognition-benchmark, PARSeq, OpenOCR and FudanVI's benchmark.

The keys are `num-samples` and, counted from 1, `image-000000001` (bytes of an image file) and `label-000000001` (UTF-8).
Databases in subfolders are joined, in the order of their paths.

Source: https://github.com/clovaai/deep-text-recognition-benchmark, create_lmdb_dataset.py and dataset.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from trainers.base.errors import UserError
from trainers.base.images import decode_image
from trainers.data.fingerprint import digest_of, file_stamp
from trainers.data.kinds import data_kinds
from trainers.data.lines import Line, LineSet, Skipped
from trainers.data.source import DataKind

FILE = "data.mdb"

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


def _get(transaction: Any, key: str) -> bytes | None:
    """Reads the value of a key; None if there is none.

    Raises:
        UserError: the database is damaged at this place.
    """
    import lmdb

    try:
        value: bytes | None = transaction.get(key.encode())
    except lmdb.Error:
        raise UserError("the database is damaged here") from None
    return value


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
        with _environment(self.folder).begin() as transaction:
            data = _get(transaction, self.key)
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
        return sorted(Path(place) for place, _, names in os.walk(self.folder.resolve()) if FILE in names)

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
            raise UserError(f"{self.folder} holds no LMDB set with lines (num-samples, image-000000001, label-000000001)")
        return LineSet(lines, skipped)

    def _read_one(self, database: Path, lines: list[Line], skipped: list[Skipped]) -> None:
        inside = database.relative_to(self.folder.resolve()).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        with _environment(str(database)).begin() as transaction:
            count = _get(transaction, "num-samples")
            if count is None or not count.isdigit():
                skipped.append(Skipped(f"{prefix}{FILE}", "database without num-samples"))
                return
            entries = transaction.stat()["entries"]  # a line has an entry for its label at least
            if len(count) > len(str(entries)) or int(count) > entries:
                skipped.append(Skipped(f"{prefix}{FILE}", "num-samples is larger than the database"))
                count = str(entries).encode()
            for number in range(1, int(count) + 1):
                key = f"image-{number:09d}"
                try:
                    label = _get(transaction, f"label-{number:09d}")
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


@data_kinds.register("lmdb")
class LmdbKind(DataKind):
    """LMDB datasets: folders with databases."""

    order = 20

    def looks_like(self, path: Path) -> bool:
        """Whether the folder or a subfolder holds a database."""
        return path.is_dir() and any(FILE in names for _, _, names in os.walk(path))

    def open(self, path: Path, extra: str | None) -> LmdbFolder:
        """Opens the databases of a folder."""
        return LmdbFolder(path)
