"""Reads columns of Arrow and Parquet files: in pieces, or one value.

pyarrow alone reads the files, memory-mapped where possible; the package `datasets` is not needed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from trainers.base.errors import UserError
from trainers.data.fingerprint import file_stamp

PIECE_ROWS = 1000
"""Rows of a column that are in memory as Python values at the same time."""


@lru_cache(maxsize=4)
def _column(file: str, column: str, stamp: tuple[str, int, int]) -> Any:
    """A column of an Arrow file, memory-mapped. `stamp` is part of the cache key only."""
    import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

    return pa.ipc.open_stream(pa.memory_map(file)).read_all().column(column)


@lru_cache(maxsize=8)
def _group_ends(file: str, stamp: tuple[str, int, int]) -> list[int]:
    """For each row group of a Parquet file, the number of rows up to its end."""
    from pyarrow import parquet

    metadata = parquet.read_metadata(file)
    return list(accumulate(metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)))


@lru_cache(maxsize=2)
def _group(file: str, column: str, number: int, stamp: tuple[str, int, int]) -> Any:
    """A column of one row group of a Parquet file: the whole column of images may take more memory than there is."""
    from pyarrow import parquet

    return parquet.ParquetFile(file).read_row_group(number, columns=[column]).column(column)


def value_of(file: str, column: str, row: int) -> Any:
    """The value in a row of a column, as Python has it."""
    stamp = file_stamp(Path(file))
    if not file.endswith(".parquet"):
        return _column(file, column, stamp)[row].as_py()
    ends = _group_ends(file, stamp)
    number = bisect_right(ends, row)
    return _group(file, column, number, stamp)[row - (ends[number - 1] if number else 0)].as_py()


def values_of(file: Path, column: str) -> Iterator[Any]:
    """Yields the values of a column.

    Raises:
        UserError: the file is damaged or cut short.
    """
    import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

    try:
        for piece in _pieces(file, column):
            yield from _python_values(piece)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk, not the file
        raise UserError(f"{file} is damaged or cut short; copy it again") from None


def _pieces(file: Path, column: str) -> Iterator[Any]:
    """Yields a column in pieces: compressed, a column of many long and equal labels takes next to nothing."""
    if file.suffix == ".parquet":
        from pyarrow import parquet

        for batch in parquet.ParquetFile(file).iter_batches(PIECE_ROWS, columns=[column]):
            yield batch.column(0)
    else:
        whole = _column(str(file), column, file_stamp(file))
        for at in range(0, len(whole), PIECE_ROWS):
            yield whole.slice(at, PIECE_ROWS)


def _python_values(piece: Any) -> Iterator[Any]:
    """Yields the values of a piece of a column; values that a dictionary holds once are in memory once."""
    for chunk in getattr(piece, "chunks", [piece]):
        if not hasattr(chunk, "dictionary"):
            yield from chunk.to_pylist()
            continue
        known: dict[int | None, Any] = {None: None}
        for index in chunk.indices.to_pylist():
            if index not in known:
                known[index] = chunk.dictionary[index].as_py()
            yield known[index]


def column_names(file: Path) -> list[str]:
    """The names of all columns of a file.

    Raises:
        UserError: the file cannot be read, or pyarrow is not installed.
    """
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
