"""Columns of Parquet files are read in parts."""

from __future__ import annotations

from pathlib import Path

from tests.trainers.data.test_data_sources import write_parquet
from trainers.data.kinds import arrow_columns
from trainers.data.source_registry import open_source


def test_an_image_of_a_parquet_file_needs_only_its_row_group(tmp_path: Path) -> None:
    """The column of images of a file of the hub takes half a gigabyte, in each process."""
    source = open_source(f"hf:{write_parquet(tmp_path, list('abcde'))}")
    arrow_columns._group.cache_clear()
    rows = [int(line.name.rpartition(" ")[2]) for line in source.lines]
    assert rows == [0, 1, 2, 3, 4]
    assert [line.load().width for line in source.lines] == [40 + n for n in range(5)]
    assert arrow_columns._group.cache_info().misses == 3 and arrow_columns._group.cache_info().currsize == 2
