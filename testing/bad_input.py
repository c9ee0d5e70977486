"""Makes small inputs that are wrong in one way each, and says what must come of them.

The rule for every input: the right lines, or lines that are left out and counted with a reason, or one line that names what is
wrong, with exit code 2. Never a traceback, a signal or silence.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dashboards.cli.command_line import main
from trainers.base.errors import UserError
from trainers.data.lines import counted
from trainers.data.source_registry import open_source

Maker = Callable[[Path], None]
"""A function that writes an input into an empty folder."""
WORDS = ("alpha", "beta", "gamma", "delta")
"""Labels of the lines of a small set."""


def line_image(number: int, width: int = 64, height: int = 16) -> Image.Image:
    """An image of dark and light columns; another number gives another image."""
    columns = np.random.default_rng(number).integers(0, 256, size=(1, width), dtype=np.uint8)
    return Image.fromarray(np.repeat(columns, height, axis=0))


def encoded(number: int, form: str = "PNG", **options: Any) -> bytes:
    """`line_image` as the content of a file."""
    buffer = io.BytesIO()
    line_image(number).save(buffer, form, **options)
    return buffer.getvalue()


def write_images(folder: Path, names: Sequence[str], form: str | None = None) -> None:
    """Writes an image under each name; `form` names the format where the suffix does not."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        line_image(number).save(path, form)


def write_set(folder: Path, suffix: str = ".png", form: str | None = None) -> list[str]:
    """Writes an image for each word, 0.png and so on; returns their names."""
    names = [f"{number}{suffix}" for number in range(len(WORDS))]
    write_images(folder, names, form)
    return names


def rows_of(names: Sequence[str], between: str = "\t") -> list[str]:
    """Rows of a list that give each image its word."""
    return [f"{name}{between}{word}" for name, word in zip(names, WORDS, strict=True)]


def write_lmdb(folder: Path, entries: Mapping[bytes, bytes], database: bytes | None = None) -> Path:
    """Writes entries into an LMDB database, or into a named one in it."""
    lmdb = pytest.importorskip("lmdb", reason="needs the package lmdb")
    folder.mkdir(parents=True, exist_ok=True)
    with lmdb.open(str(folder), map_size=1 << 22, max_dbs=2) as environment:
        handle = None if database is None else environment.open_db(database)
        with environment.begin(write=True, db=handle) as transaction:
            for key, value in entries.items():
                transaction.put(key, value)
    return folder


def lmdb_entries(count: bytes | None, key: str = "{}-{:09d}", lines: int = len(WORDS)) -> dict[bytes, bytes]:
    """The entries of a database of words."""
    entries = {} if count is None else {b"num-samples": count}
    for number in range(1, lines + 1):
        entries[key.format("image", number).encode()] = encoded(number)
        entries[key.format("label", number).encode()] = WORDS[(number - 1) % len(WORDS)].encode()
    return entries


def both(*makers: Maker) -> Maker:
    """Makes several things in one folder."""

    def make(folder: Path) -> None:
        for maker in makers:
            maker(folder)

    return make


def inside(name: str, maker: Maker) -> Maker:
    """Makes something in a subfolder."""

    def make(folder: Path) -> None:
        (folder / name).mkdir(parents=True)
        maker(folder / name)

    return make


def link(name: str, target: str) -> Maker:
    """Makes a link."""
    return lambda folder: (folder / name).symlink_to(target)


def beside(name: str, maker: Maker) -> Maker:
    """Makes something in a folder beside the one that is opened."""
    return lambda folder: inside(name, maker)(folder.parent)


def text(name: str, content: str) -> Maker:
    """Makes a text file."""

    def make(folder: Path) -> None:
        (folder / name).write_text(content, encoding="utf-8")

    return make


def good_list(folder: Path) -> None:
    """Makes a list without faults, and its images."""
    (folder / "train.txt").write_text("\n".join(rows_of(write_set(folder))), encoding="utf-8")


@dataclass(frozen=True)
class BadInput:
    """An input and what must come of it.

    Attributes:
        make: writes it into an empty folder; may return the source to open, else the folder is opened.
        words: labels of the lines that are read; None if none can be read.
        left_out: reason to the number of lines that are left out for it.
        message: parts of the line that the user gets if nothing can be read.
    """

    make: Maker | Callable[[Path], str]
    words: Sequence[str] | None = WORDS
    left_out: Mapping[str, int] = field(default_factory=dict)
    message: Sequence[str] = ()

    def check(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Opens the source, and runs `paretext data check` on it in this process."""
        folder.mkdir()
        source = self.make(folder) or str(folder)
        if self.words is None:
            with pytest.raises(UserError) as caught:
                open_source(source)
            assert self.message and all(part in str(caught.value) for part in self.message), caught.value
        else:
            found = open_source(source)
            assert [line.text for line in found.lines] == list(self.words)
            assert counted(found.skipped) == dict(self.left_out)
            for line in found.lines:
                line.load()
        code = main(["data", "check", source, "--processes", "1"])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err + printed.out
        if self.words is None:
            assert code == 2 and printed.err.count("\n") == 1 and printed.err.startswith("paretext: "), printed.err
        else:
            assert code == 0 and all(f"{count} x {reason[:40]}" in printed.out for reason, count in self.left_out.items())
