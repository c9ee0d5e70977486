"""The memory of decoded lines is given back when a training asks for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from testing.striped_lines import striped_lines, write_pairs
from trainers.data.dataset import prepare
from trainers.data.spec import DataSpec


def mapped_kib(folder: Path, name: str = "") -> int:
    """Memory that files of a folder, or those with a name, take in this process."""
    kib, is_wanted = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ")[0]:  # the first line of a mapping: addresses, ..., path
            is_wanted = str(folder) in line and line.endswith(name)
        elif is_wanted and line.startswith("Rss:"):
            kib += int(line.split()[1])
    return kib


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs /proc/self/smaps")
def test_memory_of_images_is_given_back_and_they_can_be_read_again(tmp_path: Path) -> None:
    write_pairs(tmp_path / "lines", striped_lines(40, 0))
    prepared = prepare(DataSpec(training=str(tmp_path / "lines")), tmp_path / "cache")
    images = [prepared.training.image(i).copy() for i in range(len(prepared.training))]
    assert mapped_kib(tmp_path) > mapped_kib(tmp_path, "tiny.dat")
    prepared.release()
    assert mapped_kib(tmp_path) == mapped_kib(tmp_path, "tiny.dat")
    assert all(np.array_equal(prepared.training.image(i), image) for i, image in enumerate(images))
