"""`paretext train` as a person uses it, on a few lines."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dashboards.cli.architecture_argument import read_architecture
from dashboards.cli.command_line import main
from dashboards.views.sparkline import cer_sparkline, sparkline
from dashboards.views.training_pictures import draw_mistakes
from search_space import Architecture
from testing.striped_lines import striped_lines, write_pairs
from trainers.base.errors import UserError
from trainers.base.recipe import find_recipe
from trainers.base.recipe_text import in_short, parse_recipe
from trainers.evaluation.mistakes import Mistake

TINY = "width_percent=25,encoder_hidden=8,encoder_layers=1"
ONCE = ["--recipe", "anytime,min_epoch_lines=0"]
"""Shows the few lines once an epoch, not until they are 2,000; whether anything is learnt is not the question here."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("data")
    write_pairs(folder / "training", striped_lines(24, 0))
    write_pairs(folder / "validation", striped_lines(9, 1))
    return ["--data", str(folder / "training"), "--validation", str(folder / "validation")]


def test_it_leaves_a_model_curves_and_mistakes_and_continues(
    data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "runs"))
    out = tmp_path / "out"
    command = ["train", TINY, *data, *ONCE, "--epochs", "2", "--threads", "1", "--device", "cpu", "--out", str(out), "--json"]
    assert main(command) == 0
    printed = capsys.readouterr()
    held = json.loads(printed.out)
    assert [report["epoch"] for report in held["history"]] == [1, 2]
    assert held["measurement"]["lines"] == 9
    assert "epoch 2/2" in printed.err
    assert (out / "model.onnx").is_file()
    for picture in ("curves.png", "errors.png"):
        with Image.open(out / picture) as image:
            assert image.width > 300
    assert main(command) == 0
    assert "epoch 2/2" not in capsys.readouterr().err
    (out / "candidate.json").unlink()
    checkpoint = bytearray((out / "checkpoint.pt").read_bytes())
    checkpoint[len(checkpoint) // 2] ^= 1
    (out / "checkpoint.pt").write_bytes(checkpoint)
    assert main(command) == 0
    said = capsys.readouterr().err
    assert "is damaged" in said and "epoch 1/2" in said and "epoch 2/2" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no_such_model"], "no known model is called 'no_such_model'"),
        (["widht_percent=50"], "did you mean 'width_percent'"),
        (["width_percent"], "no known model"),
        (["width_percent=,encoder=gru"], "is not field=value"),
        (["missing.toml"], "there is no file missing.toml"),
        ([TINY, "--recipe", "paretxt"], "did you mean 'paretext'"),
        ([TINY, "--recipe", "seed,batch_lines=none"], "recipe.batch_lines must be a whole number"),
        ([TINY, "--data", "no/such/folder"], "no/such/folder"),
        ([TINY, "--device", "warp9"], "there is no device 'warp9'"),
        ([TINY, "--normaliser", "nfck"], "no normaliser is called 'nfck'"),
        ([TINY, "--unknown", "dropp"], "did you mean 'drop'"),
        ([TINY, "--charset", "no/such/file"], "charset file no/such/file is not there"),
        ([], "name an ARCHITECTURE: only a reader brings its own, and training begins with 'random'"),
        (["--begin", "starter"], "only a reader brings its own, and training begins with 'starter'"),
        (["--begin", "strater"], "did you mean 'starter'?"),
        (["--begin", "models:/reader@champion"], "no registered model is called 'reader'"),
        (["--begin", "study:digits"], "no study is called 'digits'"),
        (["--begin", "old.pt"], "could run code when it is loaded; give the exported .onnx file"),
        (["--begin", "none.onnx"], "there is no file"),
        ([TINY, "--also", "no/such/folder"], "no/such/folder"),
    ],
)
def test_a_wrong_request_is_one_line(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path))
    assert main(["train", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_charset_drops_lines_and_says_so(
    data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "runs"))
    charset = tmp_path / "charset.txt"
    charset.write_text("a\nb\n")
    words = ["--epochs", "1", "--threads", "1", "--device", "cpu", "--out", str(tmp_path / "out"), "--charset", str(charset)]
    assert main(["train", TINY, *data, *ONCE, *words]) == 0
    error = " ".join(capsys.readouterr().err.split())
    assert "2 symbols" in error and "character outside the charset: c" in error


def test_lines_too_narrow_for_their_label_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "runs"))
    write_pairs(tmp_path / "lines", striped_lines(24, 0))
    (tmp_path / "lines" / "003.gt.txt").write_text("ab" * 60)
    words = [*ONCE, "--validation", str(tmp_path / "lines"), "--epochs", "1", "--threads", "1", "--device", "cpu"]
    assert main(["train", TINY, "--data", str(tmp_path / "lines"), *words, "--out", str(tmp_path / "out")]) == 0
    assert "1 too narrow for their label at time_stride 4" in " ".join(capsys.readouterr().err.split())


def test_an_architecture_can_be_written_in_four_ways(tmp_path: Path) -> None:
    expected = Architecture(width_percent=50, encoder="lstm")
    (tmp_path / "a.toml").write_text('width_percent = 50\nencoder = "lstm"\n')
    (tmp_path / "a.json").write_text(json.dumps({"trial": 3, "architecture": expected.as_dict()}))
    for text in (str(tmp_path / "a.toml"), str(tmp_path / "a.json"), "width_percent=50, encoder=lstm"):
        assert read_architecture(text) == expected
    from search_space import zoo

    name = zoo.names()[0]
    assert read_architecture(name) == zoo.architecture(name)


def test_a_recipe_is_a_preset_with_changes() -> None:
    assert parse_recipe("seed") == find_recipe("seed")
    assert parse_recipe("seed,batch_lines=16,precision=fp32") == find_recipe("seed").with_(batch_lines=16, precision="fp32")
    with pytest.raises(UserError, match="did you mean 'batch_lines'"):
        parse_recipe("seed,batch_line=16")
    anytime = find_recipe("anytime")
    assert in_short(anytime) == {"preset": "anytime"}
    assert in_short(anytime.with_(batch_lines=16, ema_decay=0.9)) == {"preset": "anytime", "ema_decay": 0.9, "batch_lines": 16}


def test_a_curve_rises_with_its_values_and_keeps_to_its_columns() -> None:
    assert sparkline([0, 1, 2, 3]) == "▁▃▆█"
    assert sparkline([1.0]) == "▁"
    assert cer_sparkline([1.5, 0.97, 0.5, 0.05, 0.004], 8) == "██▇▄▁", "one scale for all rows"
    assert len(sparkline(list(range(1000)), columns=60)) == 60


def test_the_sheet_shows_any_script(tmp_path: Path) -> None:
    grey = np.full((32, 200, 3), 200, dtype=np.uint8)
    mistakes = [Mistake("a", grey, "新中国 ﬁne", "", 0.3, 7), Mistake("b", grey[:, :1], "שלום", "x" * 200, 0.9, 200)]
    draw_mistakes(mistakes, tmp_path / "sheet.png", "two lines")
    draw_mistakes([], tmp_path / "none.png", "no mistakes")
    assert Image.open(tmp_path / "sheet.png").height > Image.open(tmp_path / "none.png").height
    short = [Mistake(f"{i}", grey, "123", "124", 0.3, 1) for i in range(20)]
    draw_mistakes(short, tmp_path / "short.png", "twenty lines")
    width, height = Image.open(tmp_path / "short.png").size
    assert 2 < width / 240 <= 6 and height < 1_000, "short lines stand in columns"
