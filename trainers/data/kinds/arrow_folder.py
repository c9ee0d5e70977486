"""Hugging Face datasets on disk: the Arrow files that `save_to_disk` writes, or the Parquet files of a dataset.

Decisions:
- A dataset with several splits gives its training split. `hf:SET/validation` names another split: by its folder or, for Parquet
  files, by the beginning of their names. The validation and test splits beside a training split are found automatically.
- The first columns with known names are used; `hf:SET@image_column,text_column` names others.

Source: https://huggingface.co/docs/datasets, "Process", section "Save".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from trainers.base.errors import UserError
from trainers.base.images import decode_image
from trainers.base.regular_file import MOST_IMAGE_BYTES, MOST_LABEL_BYTES, MOST_LIST_BYTES, read_regular
from trainers.data.fingerprint import digest_of, file_stamp
from trainers.data.kinds import data_kinds
from trainers.data.kinds.arrow_columns import column_names, value_of, values_of
from trainers.data.kinds.table import IMAGE_COLUMNS, TEXT_COLUMNS
from trainers.data.lines import Line, LineSet, Skipped
from trainers.data.source import DataKind

TRAINING_SPLITS = ("train", "training")
"""Names of training splits on the Hugging Face hub, most common first."""
VALIDATION_SPLITS = ("validation", "valid", "val", "dev")
"""Names of validation splits, most common first."""
TEST_SPLITS = ("test",)
"""Names of test splits."""


@dataclass(frozen=True)
class FromTable:
    """Loads an image from a table.

    Attributes:
        file: path of an Arrow or Parquet file.
        column: name of the image column.
        row: row number in the file, from 0.
    """

    file: str
    column: str
    row: int

    def __call__(self) -> Image.Image:
        value = value_of(self.file, self.column, self.row)
        if isinstance(value, dict):
            value = value.get("bytes") or value.get("path")
        if isinstance(value, str):
            path = Path(self.file).parent / value
            value = read_regular(path, MOST_IMAGE_BYTES) if path.is_file() else None
        if value is None:
            raise UserError("image is missing")
        if not isinstance(value, bytes):  # a number would become so many zero bytes
            raise UserError("image is not the content of an image file")
        return decode_image(value)


@dataclass(frozen=True)
class ArrowFolder:
    """One split of a dataset.

    Attributes:
        folder: folder of the dataset or of a split.
        columns: names of the image and the label column; None uses the first known names.
    """

    folder: Path
    columns: tuple[str, str] | None

    def fingerprint(self) -> str:
        """A digest that changes when a file of the split changes."""
        return digest_of("hf", self.columns, [file_stamp(f) for f in self._files()])

    def _files(self) -> list[Path]:
        return _split_files(self.folder)

    def column(self, name: str) -> dict[str, str]:
        """The values of a column, by the name of the line.

        Raises:
            UserError: a file lacks the column.
        """
        values: dict[str, str] = {}
        for file in self._files():
            if name not in column_names(file):
                raise UserError(f"{file} has no column '{name}' (it has {', '.join(column_names(file))})")
            for row, value in enumerate(values_of(file, name)):
                values[f"{file.name} row {row}"] = "" if value is None else str(value)
        return values

    def read(self) -> LineSet:
        """Lists the lines of the split.

        Raises:
            UserError: there is no file, no column of this name, or no line.
        """
        files = self._files()
        if not files:
            raise UserError(f"{self.folder} holds no Arrow or Parquet files of a data set")
        image, text = self.columns or _known_columns(files[0])
        lines: list[Line] = []
        skipped: list[Skipped] = []
        for file in files:
            missing = {image, text} - set(column_names(file))
            if missing:
                raise UserError(f"{file} has no column '{min(missing)}' (it has {', '.join(column_names(file))})")
            for row, label in enumerate(values_of(file, text)):
                name = f"{file.name} row {row}"
                if isinstance(label, str) and len(label) > MOST_LABEL_BYTES:
                    skipped.append(Skipped(name, f"label is larger than {MOST_LABEL_BYTES >> 20} MiB"))
                elif isinstance(label, str):
                    lines.append(Line(name, label, FromTable(str(file), image, row)))
                else:
                    skipped.append(Skipped(name, _no_label(label)))
        if not lines:
            raise UserError(f"{self.folder} holds no line with a label in column '{text}'{_why(skipped, text)}")
        return LineSet(lines, skipped)


def _no_label(value: object) -> str:
    """Why a value is no label."""
    if value is None:
        return "image without label"
    return "label is a number, not text" if isinstance(value, int | float) else "label is not text"


def _why(skipped: Sequence[Skipped], column: str) -> str:
    """Why no row of a data set has a label, and what to do."""
    if any(s.reason == "label is a number, not text" for s in skipped):
        cast = f"dataset.cast_column('{column}', datasets.Value('string'))"
        return f": its values are numbers, not text; convert them, leading zeros included, for example with {cast}"
    return f"; the first, {skipped[0].name}: {skipped[0].reason}" if skipped else ""


def _known_columns(file: Path) -> tuple[str, str]:
    names = column_names(file)
    image = next((c for c in ("image", *IMAGE_COLUMNS) if c in names), None)
    text = next((c for c in ("text", *TEXT_COLUMNS) if c in names), None)
    if image is None or text is None:
        raise UserError(f"{file}: no known columns among {', '.join(names)}; name them: hf:FOLDER@image,text")
    return image, text


def _split_files(folder: Path) -> list[Path]:
    """Lists the data files of a split: those of the folder itself, or those of its training split."""
    named = _named_files(folder)
    for split in TRAINING_SPLITS:
        named = _named_files(folder / split) if named is None else named
    return _parquet_files(folder, TRAINING_SPLITS) if named is None else named


def _named_files(folder: Path) -> list[Path] | None:
    """The files that the `state.json` of a split names; None if there is none, or another program wrote it."""
    try:
        state = json.loads(read_regular(folder / "state.json", MOST_LIST_BYTES))
        return [folder / Path(entry["filename"]).name for entry in state["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _parquet_files(folder: Path, splits: tuple[str, ...]) -> list[Path]:
    """Lists the Parquet files of a split, in a folder or its subfolder `data`; all files if no file name names a split."""
    inside = folder if folder.is_dir() else folder.parent
    files = sorted([*inside.glob("*.parquet"), *(inside / "data").glob("*.parquet")])
    if not folder.is_dir():
        return [f for f in files if f.name.startswith(folder.name)]
    known = TRAINING_SPLITS + VALIDATION_SPLITS + ("test",)
    if not any(f.name.split("-")[0] in known for f in files):
        return files if splits == TRAINING_SPLITS else []
    return [f for f in files if f.name.split("-")[0] in splits]


def split_beside(folder: Path, names: tuple[str, ...]) -> str | None:
    """Finds a split with one of some names beside the training split. Returns it as a source, or None."""
    for split in names:
        if _named_files(folder / split) is not None:
            return f"hf:{folder / split}"
        if folder.is_dir() and _parquet_files(folder, (split,)):
            return f"hf:{_parquet_files(folder, (split,))[0].parent / split}"
    return None


@data_kinds.register("hf")
class ArrowKind(DataKind):
    """Hugging Face datasets: folders of Arrow or Parquet files."""

    order = 50
    has_parts = True

    def looks_like(self, path: Path) -> bool:
        """Whether the folder holds a training split."""
        return path.is_dir() and bool(_split_files(path))

    def open(self, path: Path, extra: str | None) -> ArrowFolder:
        """Opens the split at a path; `extra` names its columns, as `image,text`."""
        if extra is None:
            return ArrowFolder(path, None)
        image, comma, text = extra.partition(",")
        if not comma:
            raise UserError(f"name two columns behind '@', as hf:{path}@image,text, not '{extra}'")
        return ArrowFolder(path, (image.strip(), text.strip()))

    def validation(self, path: Path) -> str | None:
        """The validation split beside the training split."""
        return split_beside(path, VALIDATION_SPLITS)

    def test(self, path: Path) -> str | None:
        """The test split beside the training split."""
        return split_beside(path, TEST_SPLITS)
