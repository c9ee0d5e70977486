"""`paretext sensitivity` writes a table and a picture, continues an interrupted table, and uses an earlier training."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from dashboards.cli.command_line import main
from dashboards.views.sensitivity_picture import draw
from testing.striped_lines import striped_lines, write_pairs
from trainers.base.errors import UserError
from trainers.pruning.sensitivity import RATIOS

TINY = "backbone=mobilenetv3_small,width_percent=25,encoder_hidden=16,encoder_layers=1"


@pytest.mark.slow
def test_a_table_and_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "home"))
    assert len(RATIOS) == 9
    monkeypatch.setattr("trainers.trial.layer_sensitivity.RATIOS", RATIOS[::4])  # a third of the time
    data = tmp_path / "lines"
    write_pairs(data, striped_lines(24, seed=0))
    out = tmp_path / "out"
    command = ["sensitivity", TINY, "--data", str(data), "--epochs", "1", "--threads", "1", "--device", "cpu"]
    command += ["--recipe", "anytime,min_epoch_lines=0"]  # shows the few lines once
    command += ["--read-lines", "4", "--out", str(out), "--criterion", "l2"]
    assert main([*command, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    with (out / "sensitivity-l2.csv").open(newline="") as file:
        written = list(csv.reader(file))
    assert written[0] == list(rows[0]) == ["layer", "filter_ratio_pruned", "accuracy_loss"]
    assert len(written) - 1 == len(rows) and len({row["filter_ratio_pruned"] for row in rows}) == 3
    assert (out / "sensitivity-l2.png").read_bytes().startswith(b"\x89PNG")
    assert main(command) == 0, "from the table alone"
    assert "share of the accuracy lost" in capsys.readouterr().out


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    table = {"backbone.stem": [(0.1, 0.0), (0.9, 0.4)]}
    draw(table, tmp_path / "a.png")
    with pytest.raises(UserError, match="cannot write"):
        draw(table, tmp_path / "nowhere" / "a.png")
