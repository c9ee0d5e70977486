"""Test lines that are in another part of the data, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.trainers.data.test_split import folder, save
from trainers.data.dataset import prepare
from trainers.data.held_out import open_held_out
from trainers.data.spec import DataSpec

__all__ = ["folder"]


def test_test_lines_that_train_or_validate_as_well_are_named(folder: Path, tmp_path: Path) -> None:
    dataset = prepare(DataSpec(training=str(folder), test=str(folder)), tmp_path / "cache")
    tests = open_held_out(dataset, tmp_path / "cache")
    assert tests is not None and len(tests.notes) == 2
    for part, count in (("training", len(dataset.training)), ("validation", len(dataset.validation))):
        assert any(f"{count:,} of {len(tests.lines):,} test lines are {part} lines as well" in note for note in tests.notes)


def test_lines_of_the_validation_source_are_not_set_aside_for_the_test(tmp_path: Path) -> None:
    by = np.random.default_rng(0)
    for number in range(2100):
        image = Image.fromarray(by.integers(0, 256, (8, 24), dtype=np.uint8))
        for place in ("lines", "others") if number % 2 else ("lines",):
            save(tmp_path / place, f"{number:04d}", image, f"line {number}")
    sources = {"training": str(tmp_path / "lines"), "validation": str(tmp_path / "others")}
    dataset = prepare(DataSpec(**sources, test="auto"), tmp_path / "cache")
    assert dataset.set_aside is not None and 50 < len(dataset.set_aside) < 150
    assert not np.isin(dataset.set_aside.originals, dataset.validation.originals).any()
    assert dataset.counts["same picture as a validation line"] > 50
