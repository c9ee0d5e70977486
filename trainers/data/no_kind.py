"""Says why a file or folder holds no lines of a known kind: what was seen there, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

from trainers.base.errors import UserError
from trainers.data.folders import walk
from trainers.data.image_names import SHOWN_CHARACTERS
from trainers.data.kinds.doctr import read_labels
from trainers.data.kinds.pairs import LABEL_SUFFIX, image_stems
from trainers.data.source import is_image_name
from trainers.data.text_rows import SNIFFED_ROWS, first_rows, read_rows

MOST_FILES = 2000
"""Files of a folder that are looked at."""
LIST_SUFFIXES = (".txt", ".csv", ".tsv", ".lst", ".list")
"""Suffixes of files that may be lists."""
OTHER_IMAGES = (
    ".heic",
    ".heif",
    ".avif",
    ".svg",
    ".pdf",
    ".eps",
    ".ps",
    ".psd",
    ".tga",
    ".ico",
    ".dng",
    ".cr2",
    ".jxl",
    ".npy",
)
"""Suffixes of images that are not decoded (`trainers.base.images`)."""
OTHER_TABLES = (".xlsx", ".xls", ".ods", ".jsonl", ".yaml", ".yml", ".xml", ".mat", ".h5", ".zip", ".tar", ".gz", ".7z", ".rar")
"""Suffixes of files that may hold labels or whole data sets, and that are not read."""


def why_no_kind(path: Path) -> str | None:
    """The reason in one line; None if nothing is seen there that resembles a kind.

    Args:
        path: an existing file or folder that no kind recognises.
    """
    files = _files(path)
    looks: tuple[Callable[[list[Path]], str | None], ...] = (
        *(_database_file, _labels_json, _not_utf8, _plain_text_beside, _no_header, _other_images, _other_tables, _only_images),
    )
    return next((reason for look in looks if (reason := look(files)) is not None), None)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = (path / inside / entry.name for inside, entries in walk(path) for entry in entries)
    return list(islice(files, MOST_FILES))


def _database_file(files: list[Path]) -> str | None:
    for file in files:
        if file.suffix in (".lmdb", ".mdb"):
            folder = file.with_suffix("") if file.suffix == ".lmdb" else file.parent
            return (
                f"{file} is an LMDB database in a single file; put it into a folder of its own as data.mdb: "
                f"mkdir -p {folder} && mv {file} {folder / 'data.mdb'}"
            )
    return None


def _labels_json(files: list[Path]) -> str | None:
    for file in files:
        if file.suffix.lower() == ".json" and (file.name.lower() == "labels.json" or len(files) == 1):
            try:
                labels = read_labels(file)
            except UserError as error:
                return str(error)
            return f'{file} names no image; write {{"image.png": "label"}} in it' + _suffix_words(name for name, _ in labels)
    return None


def _not_utf8(files: list[Path]) -> str | None:
    """A list in another encoding: its rows would have been recognised."""
    for file in _lists(files):
        try:
            read_rows(file)
        except UserError as error:
            return str(error)
    return None


def _plain_text_beside(files: list[Path]) -> str | None:
    texts = {file.with_suffix("") for file in files if file.suffix.lower() == ".txt"}
    for file in files:
        for stem in image_stems(file.name):
            if file.with_name(stem) in texts:
                return (
                    f"{file.with_name(stem + '.txt')} lies beside {file.name}, but the label of an image ends in "
                    f"{LABEL_SUFFIX}: rename it to {stem}{LABEL_SUFFIX}, and the others too"
                )
    return None


def _no_header(files: list[Path]) -> str | None:
    """A table whose first row is a line already, or a list of images of another format."""
    for file in _lists(files):
        rows = first_rows(file)
        for delimiter, word in ((",", "comma"), (";", "semicolon"), ("\t", "tab")):
            named = [row.partition(delimiter)[0].strip(' "') for row in rows if delimiter in row]
            if len(named) <= len(rows) / 2:
                continue
            if sum(map(is_image_name, named)) > len(named) / 2:
                if named[0] and not is_image_name(named[0]):
                    columns = ", ".join(cell.strip() for cell in rows[0].split(delimiter))[:SHOWN_CHARACTERS]
                    return f"the columns of {file} are not known ({columns}); name two: csv:{file}@image,text"
                header = f"filename{delimiter}words" if delimiter != "\t" else "filename<TAB>words"
                return f"{file} is a table ({word}) without a header; write {header} as its first row"
            words = _suffix_words(named)
            if words:
                return f"{file} names no image that can be read{words}"
    return None


def _suffix_words(names: Iterable[str]) -> str:
    """What the suffixes of some names are, if they are those of images of other formats; else an empty text."""
    found = sorted({suffix for name in names for suffix in OTHER_IMAGES if name.lower().endswith(suffix)})
    return f": {', '.join(found)} is not decoded; convert the images to PNG or JPEG" if found else ""


def _other_images(files: list[Path]) -> str | None:
    words = _suffix_words(file.name for file in files)
    return f"{files[0].parent} holds images of another format{words}" if words else None


def _other_tables(files: list[Path]) -> str | None:
    for file in files:
        if file.name.lower().endswith(OTHER_TABLES):
            return f"{file} is of a format that is not read; unpack it, or write rows image<TAB>label into a .txt file"
    return None


def _only_images(files: list[Path]) -> str | None:
    images = [file for file in files if is_image_name(file.name)]
    if images and len(images) == len(files):
        place = images[0].parent
        return (
            f"{place} holds images without labels; write {place / 'labels.txt'} with rows image<TAB>label, "
            f"or {images[0].stem}{LABEL_SUFFIX} beside each image"
        )
    return None


def _lists(files: list[Path]) -> list[Path]:
    """Files that may be lists, without single labels."""
    return [f for f in files if f.name.lower().endswith(LIST_SUFFIXES) and not f.name.lower().endswith(LABEL_SUFFIX)][
        :SNIFFED_ROWS
    ]
