"""The comparison of training loops: its clock, and that a stopped plain loop continues as if it had not been stopped."""

import time
from pathlib import Path

import pytest
import torch

from benchmarks.training_throughput.busy import Stretch, mean_share
from benchmarks.training_throughput.plain import PlainLoop
from search_space import Architecture
from testing.striped_lines import striped_lines, write_pairs
from trainers.base.recipe import RECIPES
from trainers.data.charset import Charset


def test_rows_that_are_no_number_do_not_count() -> None:
    assert mean_share(["40", " 60", "", "[N/A]"]) == 0.5
    assert mean_share([]) is None


def test_the_driver_is_asked_while_work_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of the driver's name that answers as it does."""
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\necho "$@" > "$0.asked"\nwhile true; do echo 30; echo 50; sleep 0.05; done\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with Stretch(gpu=1) as stretch:
        time.sleep(0.5)
    assert stretch.busy == pytest.approx(0.4, abs=0.05)
    assert "--id=1" in (tmp_path / "nvidia-smi.asked").read_text()


def test_processor_time_counts_work_and_not_waiting() -> None:
    with Stretch() as waiting:
        time.sleep(0.2)
    with Stretch() as working:
        sum(range(3_000_000))
    assert waiting.seconds >= 0.2 and waiting.busy is None
    assert waiting.cpu_seconds < working.cpu_seconds


def test_the_plain_loop_continues_from_its_state(tmp_path: Path) -> None:
    lines = striped_lines(6, 0)
    folder = tmp_path / "lines"
    write_pairs(folder, lines)
    charset = Charset.from_texts(lines.text(i) for i in range(6))
    architecture = Architecture(width_percent=25, encoder_hidden=8, encoder_layers=1)
    loops = [PlainLoop(architecture, 160, charset, RECIPES["paretext"].with_(batch_lines=3), "cpu") for _ in range(2)]
    loops[0].open(folder, workers=0)
    loops[0].epoch(0, 2)
    loops[1].load_state_dict(loops[0].state_dict())
    for loop, other in (loops, loops[::-1]):
        for name, value in loop.network.state_dict().items():
            assert torch.equal(value, other.network.state_dict()[name])
    loops[1].open(folder, workers=0)
    loops[1].epoch(1, 2)
    assert 0 <= loops[1].read(folder).accuracy <= 1
