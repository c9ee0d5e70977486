"""`paretext train --begin`: a reader learns new characters on a few lines, and says what it read before and after."""

import json
import shutil
from pathlib import Path

import pytest

from dashboards.cli.command_line import main
from studies.registry.mlflow_client import open_mlflow
from studies.registry.model_registry import find
from studies.run.parents import resolve_begin
from studies.workspace.paths import Workspace
from testing.striped_lines import InMemoryLines, striped_lines, write_pairs
from trainers.inference.reader import Reader

TINY = "width_percent=25,encoder_hidden=8,encoder_layers=1"
FAST = ["--epochs", "1", "--threads", "1", "--device", "cpu"]
"""Options with which a training of few lines takes seconds."""

SHORT = "anytime,min_epoch_lines=400,flat_start_steps=20"
"""A recipe with which a network reads the lines after two or three epochs."""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`old` with the characters a, b, c; `new`, where d is written like c."""
    folder = tmp_path_factory.mktemp("lines")
    write_pairs(folder / "old", striped_lines(40, 0))
    new = striped_lines(24, 5)
    write_pairs(folder / "new", InMemoryLines(new.images, [text.replace("c", "d") for text in new.texts]))
    return folder


@pytest.fixture(scope="module")
def reader(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader of the old lines, with labels in lower case and images that are not made even."""
    folder = tmp_path_factory.mktemp("reader")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARETEXT_HOME", str(folder / "runs"))
        recipe = ["--recipe", f"{SHORT},even_contrast=false", "--normaliser", "lower"]
        words = ["train", TINY, "--data", str(lines / "old"), *recipe, *FAST, "--epochs", "2", "--out", str(folder / "out")]
        assert main(words) == 0
    return folder / "out" / "model.onnx"


def test_a_reader_learns_new_characters_and_keeps_its_own(
    lines: Path, reader: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "runs"))
    data = ["--data", str(lines / "new"), "--also", str(lines / "old")]
    assert main(["train", "--begin", str(reader), *data, *FAST, "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert "begins with 100 % of its weights from model.onnx" in printed.err
    assert (result["architecture"]["encoder_hidden"], result["begin"]["name"]) == (8, "model.onnx")
    assert result["lineage"]["share"] > 0.99
    assert [each["source"] for each in result["before_and_after"]] == [str(lines / "new"), str(lines / "old")]
    assert sum(each["validation_lines"] for each in result["before_and_after"]) == result["measurement"]["lines"]
    metadata = Reader(Path(result["model"])).metadata
    assert (metadata.charset, metadata.normaliser, metadata.contrast) == (("a", "b", "c", "d"), "lower", "plain")
    assert main(["train", "--begin", str(reader), *data, *FAST]) == 0
    again = capsys.readouterr()
    assert "epoch 1/1" not in again.err, "the same command trains nothing again"
    assert "read without an error" in again.out and "CER before" in again.out
    (folder,) = (tmp_path / "runs" / "trainings").iterdir()
    (folder / "checkpoint.pt").unlink()
    assert main(["train", "--begin", str(reader), *data, *FAST, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [report["epoch"] for report in shown["history"]] == [1], "without its checkpoint it is shown again, with its curves"


def test_the_result_can_be_promoted_and_says_what_it_began_with(
    lines: Path, reader: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "runs"))
    assert main(["promote", str(reader.parent), "--as", "reader"]) == 0
    promoted = capsys.readouterr().out
    assert promoted.startswith("models:/reader@champion is now version 1: a training, accuracy ")
    begin = ["train", "--begin", "models:/reader@champion", "--data", str(lines / "new"), *FAST, "--recipe", SHORT]
    assert main([*begin, "--out", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    assert main(["promote", str(tmp_path / "out"), "--as", "reader", "--json"]) == 0
    promotion = json.loads(capsys.readouterr().out)
    assert (promotion["version"], promotion["parent"], promotion["study"]) == (2, "models:/reader/1", None)
    registered = find(Workspace(tmp_path / "runs"), "models:/reader/2").tags
    assert registered["epochs"] == "1" and json.loads(registered["recipe"])["preset"] == "anytime"
    assert resolve_begin("models:/reader/2", Workspace(tmp_path / "runs"))[0].epochs == 3, "its own epoch and its parent's two"
    found = find(Workspace(tmp_path / "runs"), "models:/reader/2")
    assert found.tags["parent"] == "models:/reader/1" and "study" not in found.tags
    version = open_mlflow(Workspace(tmp_path / "runs")).get_model_version("reader", "2")
    assert version.description.startswith("Trained by 'paretext train', begun from models:/reader/1, ")
    (parent,) = resolve_begin("models:/reader/2", Workspace(tmp_path / "runs"))
    assert parent.architecture is not None and parent.architecture.encoder_hidden == 8
    image = next((lines / "new").glob("*.png"))
    assert main(["predict", str(image)]) == 0
    assert "version 2 (trained by 'paretext train')" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["out/"], "is neither a study nor the folder of a finished training"),
        (["READER"], "a training has no name of its own; name the registered model with --as MODEL"),
        (["READER", "--as", "reader", "--trial", "3"], "is a training and has one model; leave --trial out"),
        (["READER", "--as", "reader", "--size-limit", "1KB"], "raise --size-limit"),
    ],
)
def test_what_cannot_be_promoted_is_one_line(
    reader: Path,
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path))
    assert main(["promote", *(str(reader.parent) if word == "READER" else word for word in words)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_it_can_write_the_new_characters_alone_with_another_network(
    lines: Path, reader: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "runs"))
    out = ["--characters", "new", "--out", str(tmp_path / "out")]
    other = TINY.replace("encoder_hidden=8", "encoder_hidden=16")
    command = ["train", other, "--begin", str(reader), "--data", str(lines / "new"), "--recipe", SHORT, *FAST, *out]
    assert main(command) == 0
    metadata = Reader(tmp_path / "out" / "model.onnx").metadata
    assert metadata.charset == ("a", "b", "d") and metadata.architecture["encoder_hidden"] == 16


def test_nothing_that_is_there_is_written_over(
    lines: Path, reader: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path))
    before = reader.read_bytes()
    command = ["train", "--begin", str(reader), "--data", str(lines / "new"), *FAST]
    assert main([*command, "--out", str(reader.parent)]) == 2
    assert "lies in the folder to write into, which would replace it; give another --out" in capsys.readouterr().err
    finished = tmp_path / "finished"
    shutil.copytree(reader.parent, finished)
    (finished / "checkpoint.pt").unlink()
    assert main([*command, "--out", str(finished)]) == 2
    assert "holds a training that began with random; give another --out" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "checkpoint.pt").write_bytes(b"of a training that began with random weights")
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    assert "holds a training that began with random; give another --out" in capsys.readouterr().err
    assert reader.read_bytes() == before and [p.name for p in (tmp_path / "out").iterdir()] == ["checkpoint.pt"]
