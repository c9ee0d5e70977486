"""Every command that writes leaves what is there: it refuses, or replaces only its own kind of file."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.command_runs import Commands
from testing.measured_study import measured_study
from testing.tiny_model import tiny_model

PRECIOUS = b"years of work\n"
LABELS = "000.png\t12\n"

COMMANDS = {
    "data digits": (("data", "digits", "OUT", "--count", 1), "OUT/labels.txt"),
    "data digits, an image": (("data", "digits", "OUT", "--count", 1), "OUT/000.png"),
    "data render": (("data", "render", "OUT", "--labels", "texts.txt", "--count", 1), "OUT/labels.txt"),
    "data check --fix": (("data", "check", "lines", "--fix", "OUT"), "OUT/labels.txt"),
    "data check --fix, its list": (("data", "check", "lines", "--fix", "OUT"), "OUT/dropped.log"),
    "data check --sheet": (("data", "check", "lines", "--sheet", "OUT.png"), "OUT.png"),
    "front --plot PNG": (("front", "plates", "--plot", "OUT.png"), "OUT.png"),
    "front --plot SVG": (("front", "plates", "--plot", "OUT.svg"), "OUT.svg"),
    "front --plot PDF": (("front", "plates", "--plot", "OUT.pdf"), "OUT.pdf"),
    "report --html": (("report", "plates", "--html", "OUT.html"), "OUT.html"),
    "export": (("export", "plates", "OUT.onnx", "--trial", 0), "OUT.onnx"),
    "export --plain": (("export", "plates", "OUT.onnx", "--trial", 0, "--plain"), "OUT.onnx"),
    "export --example": (("export", "plates", "OUT.onnx", "--trial", 0, "--example"), "OUT_example.py"),
}
"""What is tried, with the file that is in its way."""


@pytest.fixture
def paretext(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    """With a study, texts and a folder of lines in the current folder."""
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PARETEXT_STORAGE", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    measured_study(tmp_path / "home")
    (tmp_path / "texts.txt").write_text("12\n34\n")
    commands = Commands(capsys)
    commands.read("data", "digits", "lines", "--count", 2)
    return commands


@pytest.mark.parametrize("case", COMMANDS)
def test_a_file_of_another_kind_stays(tmp_path: Path, paretext: Commands, case: str) -> None:
    words, name = COMMANDS[case]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(PRECIOUS)
    before = sorted(path for path in tmp_path.rglob("*") if "home" not in path.parts)
    run = paretext(*words)
    assert run.code == 2 and run.err.splitlines()[-1].startswith("paretext: "), run
    assert (tmp_path / name).read_bytes() == PRECIOUS
    assert sorted(path for path in tmp_path.rglob("*") if "home" not in path.parts) == before, "and nothing is left beside it"


@pytest.mark.parametrize("case", ["front --plot PNG", "front --plot SVG", "report --html", "export", "data check --sheet"])
def test_its_own_kind_of_file_is_replaced(tmp_path: Path, paretext: Commands, case: str) -> None:
    words, name = COMMANDS[case]
    for _ in range(2):
        assert paretext(*words).code == 0
    assert (tmp_path / name).stat().st_size > 500


def test_another_model_is_not_replaced_by_an_export(tmp_path: Path, paretext: Commands) -> None:
    content = tiny_model(tmp_path / "OUT.onnx", seed=9).read_bytes()
    assert "with other content" in paretext.refused("export", "plates", "OUT.onnx", "--trial", 0)
    assert (tmp_path / "OUT.onnx").read_bytes() == content


@pytest.mark.parametrize("words", [words for words, name in COMMANDS.values() if name.startswith("OUT.")])
def test_a_folder_in_the_place_of_a_file_stays(tmp_path: Path, paretext: Commands, words: tuple[object, ...]) -> None:
    name = next(str(word) for word in words if str(word).startswith("OUT"))
    (tmp_path / name).mkdir()
    assert paretext(*words).code == 2 and list((tmp_path / name).iterdir()) == []
