"""Old lines are mixed with new ones so that half of what is shown is new."""

from pathlib import Path

import numpy as np
import pytest

from testing.striped_lines import striped_lines, write_pairs
from trainers.data.dataset import prepare
from trainers.data.mixing import with_old_lines
from trainers.data.spec import DataSpec


def test_half_of_what_is_shown_is_new_however_many_old_lines_there_are(tmp_path: Path) -> None:
    for name, count in (("a", 5), ("b", 10), ("old", 60)):
        write_pairs(tmp_path / name, striped_lines(count, count))
    new = DataSpec(training=f"{tmp_path / 'a'};{tmp_path / 'b'}", validation=str(tmp_path / "old"))
    mixed = with_old_lines(new, str(tmp_path / "old"), tmp_path / "cache")
    lines = prepare(mixed, tmp_path / "cache").training
    assert len(lines) == 75 and lines.weights is not None
    is_new = np.array([lines.source_of(i) < 2 for i in range(len(lines))])
    assert lines.weights[is_new].sum() == pytest.approx(lines.weights[~is_new].sum())
    assert lines.weights[is_new].min() == lines.weights[is_new].max()


def test_more_new_lines_than_old_ones_keep_their_share(tmp_path: Path) -> None:
    write_pairs(tmp_path / "new", striped_lines(30, 0))
    write_pairs(tmp_path / "old", striped_lines(9, 1))
    spec = DataSpec(training=str(tmp_path / "new"), validation=str(tmp_path / "old"))
    mixed = with_old_lines(spec, str(tmp_path / "old"), tmp_path / "cache")
    assert mixed.weights is None and mixed.training.endswith("old")
