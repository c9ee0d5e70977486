"""Reads text files of strangers in rows: label files, and files that may be some.

Decisions:
- UTF-8 is read with or without a byte order mark; UTF-16 and UTF-32 are read if they begin with one, as PowerShell and Excel
  write them. Other encodings cannot be told apart safely: they are refused, and the message has the command that converts them.
- A row ends with LF or CRLF. If there is no LF, it ends with CR, as in files of the classic Mac OS.
"""

from __future__ import annotations

import codecs
from itertools import pairwise
from pathlib import Path

from trainers.base.errors import UserError
from trainers.base.regular_file import MOST_LIST_BYTES, read_regular
from trainers.data.lines import Skipped

SNIFFED_ROWS = 50
SNIFFED_BYTES = 1 << 20
"""Bytes that are read for the first rows: a file without line ends may be of any size."""
WIDE_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is the first half of this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks, and the encodings that they stand for."""


def as_utf8(data: bytes) -> bytes:
    """Converts the content of a text file to UTF-8 without a byte order mark.

    Args:
        data: UTF-8, or UTF-16 or UTF-32 with a byte order mark. Other bytes stay as they are. Halves of surrogate pairs become
            bytes that are not UTF-8, so that only their rows are left out.
    """
    for mark, encoding in WIDE_ENCODINGS:
        if data.startswith(mark):
            whole = data[len(mark) :]
            whole = whole[: len(whole) - len(whole) % (4 if "32" in encoding else 2)]
            if not whole and len(data) > len(mark):
                return data  # less than a character: the mark was none
            try:
                return whole.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
            except UnicodeDecodeError:  # a number beyond Unicode
                return whole.decode(encoding, "replace").encode("utf-8", "surrogatepass")
    return data.removeprefix(codecs.BOM_UTF8)


def split_rows(data: bytes) -> list[bytes]:
    """Splits a text into rows without their line ends; at CR only if there is no LF."""
    if b"\n" not in data and b"\r" in data:
        return data.split(b"\r")
    return [row.removesuffix(b"\r") for row in data.split(b"\n")]


def read_rows(path: Path) -> tuple[list[str], list[Skipped]]:
    """Reads the rows of a text file that are not blank, without line ends and byte order mark.

    Returns:
        The rows, and those that were skipped because they are not UTF-8.

    Raises:
        UserError: the file cannot be read, or most of it is not UTF-8.
    """
    try:
        data = as_utf8(read_regular(path, MOST_LIST_BYTES))
    except UserError as error:
        raise UserError(f"{path} is {error}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    rows: list[str] = []
    skipped: list[Skipped] = []
    for number, raw in enumerate(split_rows(data), start=1):
        try:
            row = raw.decode("utf-8")
        except UnicodeDecodeError:
            skipped.append(Skipped(f"{path.name} row {number}", "label is not UTF-8"))
        else:
            if row.strip():
                rows.append(row)
    if len(skipped) > len(rows) or any("\0" in row for row in rows[:SNIFFED_ROWS]):
        raise UserError(f"{path} is not UTF-8 text; convert it, for example: {conversion(data, path.name)}")
    return rows, skipped


def conversion(data: bytes, name: str) -> str:
    """The command that converts a text in some other encoding to UTF-8, as far as its bytes show which one it is."""
    start = data[:SNIFFED_BYTES]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if even or odd:
        return f"iconv -f UTF-16{'LE' if odd > even else 'BE'} -t UTF-8 {name}"
    high = sum(byte >= 0x80 for byte in start)
    followed = sum(a >= 0x80 and b >= 0x40 for a, b in pairwise(start))
    letters = sum(chr(byte).isascii() and chr(byte).isalpha() for byte in start)
    western = high < letters / 2 or followed < high / 2  # Chinese characters are two bytes from 0x80 and 0x40 on
    return f"iconv -f {'CP1252' if western else 'GB18030'} -t UTF-8 {name}"


def first_rows(path: Path) -> list[str]:
    """Reads the first rows of a file, to recognise its kind; an empty list if it is not text."""
    try:
        if not path.is_file():  # a pipe would wait for ever
            return []
        with path.open("rb") as file:
            raw = split_rows(as_utf8(file.read(SNIFFED_BYTES)))[:SNIFFED_ROWS]
    except OSError:
        return []
    rows = [row.decode("utf-8", errors="ignore") for row in raw]
    return [row for row in rows if row.strip() and "\0" not in row]
