"""Groups: lines of one writer never train and measure at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainers.base.errors import UserError
from trainers.data.dataset import LineDataset, prepare
from trainers.data.digits import DigitLine
from trainers.data.spec import DataSpec


def names(dataset: LineDataset, part: str) -> list[str]:
    lines = getattr(dataset, part)
    return [Path(lines.name(i)).name for i in range(len(lines))]


def test_a_column_of_a_table_keeps_writers_together(tmp_path: Path) -> None:
    rows = ["filename,words,writer"]
    for number in range(40):
        line = DigitLine(0, "training", number)
        line().save(tmp_path / f"{number:03d}.png")
        rows.append(f"{number:03d}.png,{line.text},{'w' + str(number % 8) if number else ''}")
    (tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    dataset = prepare(DataSpec(training=str(tmp_path), group="writer"), tmp_path / "cache")
    writers = [{int(name[:3]) % 8 for name in names(dataset, part) if name != "000.png"} for part in ("training", "validation")]
    assert writers[0] | writers[1] == set(range(8)) and not writers[0] & writers[1]
    assert 4 <= len(dataset.validation) <= 8
    with pytest.raises(UserError, match=r"has no column 'writter'; did you mean 'writer'"):
        prepare(DataSpec(training=str(tmp_path), group="writter"), tmp_path / "cache")
    with pytest.raises(UserError, match=r"all lines of a source are in one group"):
        prepare(DataSpec(training=str(tmp_path), group="folder"), tmp_path / "cache")


def with_writers(folder: Path, writers: list[str], begin: int) -> str:
    """A table of one line for each writer; equal `begin` gives equal pictures."""
    folder.mkdir()
    rows = ["filename,words,writer"]
    for number, writer in enumerate(writers, begin):
        line = DigitLine(0, "training", number)
        line().save(folder / f"{number:03d}.png")
        rows.append(f"{number:03d}.png,{line.text},{writer}")
    (folder / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    return str(folder)


def test_a_group_of_the_validation_source_does_not_train(tmp_path: Path) -> None:
    training = with_writers(tmp_path / "training", [f"w{n % 5}" for n in range(20)], 0)
    validation = with_writers(tmp_path / "validation", ["w1", "w9", ""] * 2, 20)
    dataset = prepare(DataSpec(training=training, validation=validation, group="writer"), tmp_path / "cache")
    assert (len(dataset.training), len(dataset.validation)) == (16, 6)
    assert dataset.counts == {"same writer as a validation line": 4}
    with pytest.raises(UserError, match=r"every training line has a writer that .*training has too; take other validation"):
        prepare(DataSpec(training=training, validation=training, group="writer"), tmp_path / "cache")
    with pytest.raises(UserError, match=r'digits has no columns, so group must be "folder", not "writer"'):
        prepare(DataSpec(training="digits", group="writer"), tmp_path / "cache")
