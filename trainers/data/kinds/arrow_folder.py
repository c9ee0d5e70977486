"""Hugging Face data sets on disk: what `save_to_disk` writes (Arrow files), or a download of a set's Parquet files.

Decisions:
- The files are read with pyarrow alone, memory-mapped; the package `datasets` is not needed.
- Of several splits the training split is meant; another one is named by its folder (`hf:SET/validation`) or, for Parquet
  files, by the beginning of their names. The validation split of a training set is found by itself.
- The columns are the first known ones; `hf:SET@image_column,text_column` names others.

Source: https://huggingface.co/docs/datasets, "Process", section "Save".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from trainers.base.errors import UserError
from trainers.data.fingerprint import digest_of, file_stamp
from trainers.data.kinds import data_kinds
from trainers.data.kinds.table import IMAGE_COLUMNS, TEXT_COLUMNS
from trainers.data.lines import Line, LineSet, Skipped, decode
from trainers.data.source import DataKind

TRAINING_SPLITS = ("train", "training")
VALIDATION_SPLITS = ("validation", "valid", "val", "dev")
TEST_SPLITS = ("test",)


@lru_cache(maxsize=4)
def _column(file: str, column: str, stamp: tuple[str, int, int]) -> Any:
    """A column of a file, memory-mapped where its format allows it. The stamp only names the file's state."""
    try:
        import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise UserError(f"{file} is a Hugging Face data set, which needs the package 'pyarrow': pip install pyarrow") from None
    if file.endswith(".parquet"):
        return parquet.read_table(file, columns=[column]).column(column)
    return pa.ipc.open_stream(pa.memory_map(file)).read_all().column(column)


def _column_names(file: Path) -> list[str]:
    try:
        import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise UserError(f"{file} is a Hugging Face data set, which needs the package 'pyarrow': pip install pyarrow") from None
    try:
        if file.suffix == ".parquet":
            return list(parquet.read_schema(file).names)
        return list(pa.ipc.open_stream(pa.memory_map(str(file))).schema.names)
    except (pa.ArrowInvalid, OSError):
        raise UserError(f"{file} is not a readable Arrow or Parquet file") from None


@dataclass(frozen=True)
class FromTable:
    """Loads an image out of a table.

    Attributes:
        file: Arrow or Parquet file.
        column: of the images.
        row: number in the file.
    """

    file: str
    column: str
    row: int

    def __call__(self) -> Image.Image:
        value = _column(self.file, self.column, file_stamp(Path(self.file)))[self.row].as_py()
        if isinstance(value, dict):
            value = value.get("bytes") or value.get("path")
        if isinstance(value, str):
            path = Path(self.file).parent / value
            value = path.read_bytes() if path.is_file() else None
        if value is None:
            raise UserError("image is missing")
        return decode(bytes(value))


@dataclass(frozen=True)
class ArrowFolder:
    """One split of a data set.

    Attributes:
        folder: of the set or of a split.
        columns: of images and labels; None takes known names.
    """

    folder: Path
    columns: tuple[str, str] | None

    def fingerprint(self) -> str:
        """Changes when a file of the split does."""
        return digest_of("hf", self.columns, [file_stamp(f) for f in self._files()])

    def _files(self) -> list[Path]:
        return _split_files(self.folder)

    def column(self, name: str) -> dict[str, str]:
        """Name of each line to its value in a column.

        Raises:
            UserError: a file without the column.
        """
        values: dict[str, str] = {}
        for file in self._files():
            if name not in _column_names(file):
                raise UserError(f"{file} has no column '{name}' (it has {', '.join(_column_names(file))})")
            for row, value in enumerate(_column(str(file), name, file_stamp(file)).to_pylist()):
                values[f"{file.name} row {row}"] = "" if value is None else str(value)
        return values

    def read(self) -> LineSet:
        """The lines of the split.

        Raises:
            UserError: no file, no such column, or no line.
        """
        files = self._files()
        if not files:
            raise UserError(f"{self.folder} holds no Arrow or Parquet files of a data set")
        image, text = self.columns or _known_columns(files[0])
        lines: list[Line] = []
        skipped: list[Skipped] = []
        for file in files:
            missing = {image, text} - set(_column_names(file))
            if missing:
                raise UserError(f"{file} has no column '{min(missing)}' (it has {', '.join(_column_names(file))})")
            for row, label in enumerate(_column(str(file), text, file_stamp(file)).to_pylist()):
                name = f"{file.name} row {row}"
                if isinstance(label, str):
                    lines.append(Line(name, label, FromTable(str(file), image, row)))
                else:
                    skipped.append(Skipped(name, "image without label" if label is None else "label is not text"))
        if not lines:
            raise UserError(f"{self.folder} holds no line with a label in column '{text}'")
        return LineSet(lines, skipped)


def _known_columns(file: Path) -> tuple[str, str]:
    names = _column_names(file)
    image = next((c for c in ("image", *IMAGE_COLUMNS) if c in names), None)
    text = next((c for c in ("text", *TEXT_COLUMNS) if c in names), None)
    if image is None or text is None:
        raise UserError(f"{file}: no known columns among {', '.join(names)}; name them: hf:FOLDER@image,text")
    return image, text


def _split_files(folder: Path) -> list[Path]:
    """Data files of a split: of the folder itself, or of its training split."""
    if (folder / "state.json").is_file():
        named = json.loads((folder / "state.json").read_text(encoding="utf-8")).get("_data_files", [])
        return [folder / entry["filename"] for entry in named]
    for split in TRAINING_SPLITS:
        if (folder / split / "state.json").is_file():
            return _split_files(folder / split)
    return _parquet_files(folder, TRAINING_SPLITS)


def _parquet_files(folder: Path, splits: tuple[str, ...]) -> list[Path]:
    """Parquet files of a folder (or its folder `data`): those of a split, or all when no name tells a split."""
    inside = folder if folder.is_dir() else folder.parent
    files = sorted([*inside.glob("*.parquet"), *(inside / "data").glob("*.parquet")])
    if not folder.is_dir():
        return [f for f in files if f.name.startswith(folder.name)]
    known = TRAINING_SPLITS + VALIDATION_SPLITS + ("test",)
    if not any(f.name.split("-")[0] in known for f in files):
        return files if splits == TRAINING_SPLITS else []
    return [f for f in files if f.name.split("-")[0] in splits]


def split_beside(folder: Path, names: tuple[str, ...]) -> str | None:
    """A split with one of some names beside the training split, as a source; None when there is none."""
    for split in names:
        if (folder / split / "state.json").is_file():
            return f"hf:{folder / split}"
        if folder.is_dir() and _parquet_files(folder, (split,)):
            return f"hf:{_parquet_files(folder, (split,))[0].parent / split}"
    return None


@data_kinds.register("hf")
class ArrowKind(DataKind):
    """A folder of Arrow or Parquet files."""

    order = 50
    has_parts = True

    def looks_like(self, path: Path) -> bool:
        """Whether a training split lies in the folder."""
        return path.is_dir() and bool(_split_files(path))

    def open(self, path: Path, extra: str | None) -> ArrowFolder:
        """The split at a path; `extra` names its columns, as `image,text`."""
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
