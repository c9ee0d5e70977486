"""A process prepares the lines of its trials once, and again if their cache entries have changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from testing.striped_lines import striped_lines, write_pairs
from trainers.base.errors import TrainingFault
from trainers.data import open_datasets
from trainers.data.dataset import prepare
from trainers.data.open_datasets import MOST_OPEN, prepare_once
from trainers.data.spec import DataSpec


@pytest.fixture
def spec(tmp_path: Path) -> DataSpec:
    write_pairs(tmp_path / "lines", striped_lines(30, 0))
    return DataSpec(training=str(tmp_path / "lines"))


def test_the_second_trial_of_a_process_gets_the_lines_of_the_first(spec: DataSpec, tmp_path: Path) -> None:
    first = prepare_once(spec, tmp_path / "cache")
    assert prepare_once(spec, tmp_path / "cache") is first
    assert prepare_once(DataSpec(training=spec.training, normaliser="lower"), tmp_path / "cache") is not first
    assert prepare_once(spec, tmp_path / "other cache") is not first


def test_a_source_changed_between_two_runs_is_noticed_once_the_second_is_prepared(spec: DataSpec, tmp_path: Path) -> None:
    before = prepare_once(spec, tmp_path / "cache")
    (Path(spec.training) / "000.gt.txt").write_text("abcabc", encoding="utf-8")
    assert prepare_once(spec, tmp_path / "cache") is before, "trials of one run learn from the same lines"
    prepare(spec, tmp_path / "cache")  # as the driver of the next run does
    after = prepare_once(spec, tmp_path / "cache")
    assert after.digest != before.digest and "abcabc" in (*after.training.texts, *after.validation.texts)


def test_a_damaged_cache_is_prepared_again(spec: DataSpec, tmp_path: Path) -> None:
    before = prepare_once(spec, tmp_path / "cache")
    for file in (tmp_path / "cache").rglob("w*.bin"):
        file.write_bytes(bytes(len(file.read_bytes())))
    with pytest.raises(TrainingFault, match="damaged"):
        before.training.image(0)
    after = prepare_once(spec, tmp_path / "cache")
    assert after is not before and after.digest == before.digest and after.training.image(0).any()
    shutil.rmtree(tmp_path / "cache")
    assert prepare_once(spec, tmp_path / "cache").digest == before.digest


def test_a_changed_charset_file_is_noticed(spec: DataSpec, tmp_path: Path) -> None:
    charset = tmp_path / "charset.txt"
    charset.write_text("a\nb\nc\n", encoding="utf-8")
    named = DataSpec(training=spec.training, charset=str(charset))
    assert len(prepare_once(named, tmp_path / "cache").charset) == 3
    charset.write_text("a\nb\nc\nd\n", encoding="utf-8")
    assert len(prepare_once(named, tmp_path / "cache").charset) == 4


def test_few_are_held(spec: DataSpec, tmp_path: Path) -> None:
    for height_px in range(16, 16 + MOST_OPEN + 2):
        prepare_once(DataSpec(training=spec.training, height_px=height_px), tmp_path / "cache")
    assert len(open_datasets._open) == MOST_OPEN
