"""A study continues with the lines that its trials were measured on, from any folder, and with other lines only on request."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from dashboards.cli.command_line import main
from studies.registry.tracker import NoTracker
from studies.run.data_identity import identity_of
from studies.run.preparation import prepare_study
from studies.run.search import search
from studies.storage.backends import open_storage
from studies.storage.pareto_front import load_store
from studies.storage.study_store import DATA_KEY
from studies.workspace.paths import Workspace
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import RecordingObserver, study
from testing.striped_lines import striped_lines, write_pairs
from trainers.base.errors import UserError
from trainers.data.source_registry import absolute_sources


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "runs").prepare()


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 30 lines, named by a relative path from the current folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_pairs(tmp_path / "here" / "lines", striped_lines(30, 0))
    return tmp_path / "here" / "lines"


def run(home: Workspace, trials: int, source: str = "lines", accept: bool = False) -> RecordingObserver:
    watcher = RecordingObserver()
    asked = study(data={"source": source, "test": False}, budget={"trials": trials, "epochs": 1})
    search(asked, home, watcher, ScriptedEngine(), NoTracker(), accept_data=accept)
    return watcher


def finished(home: Workspace) -> int:
    return len(load_store(home, "s").candidates())


def test_other_labels_are_refused_with_the_cure_and_accepted_when_asked(home: Workspace, lines: Path) -> None:
    run(home, 2)
    (lines / "003.gt.txt").write_text("c" * 3 if (lines / "003.gt.txt").read_text() != "ccc" else "aaa", encoding="utf-8")
    with pytest.raises(UserError, match=r"data of study 's' have changed .* --name NAME, .* --accept-data") as caught:
        run(home, 4)
    assert "\n" not in str(caught.value) and finished(home) == 2
    watcher = run(home, 4, accept=True)
    assert any("compares accuracies on different lines" in note for note in watcher.notes) and finished(home) == 4
    assert not any("compares accuracies" in note for note in run(home, 5).notes), "the new lines are those of the study now"


@pytest.mark.parametrize("what", ["image", "more", "fewer"])
def test_other_images_and_other_numbers_of_lines_are_refused(home: Workspace, lines: Path, what: str) -> None:
    run(home, 2)
    if what == "image":
        Image.new("RGB", (40, 32), "white").save(lines / "003.png")
        words = "as many lines, other labels or images"
    elif what == "more":
        Image.new("RGB", (40, 32), "white").save(lines / "900.png")
        (lines / "900.gt.txt").write_text("a", encoding="utf-8")
        words = "lines then"
    else:
        (lines / "003.png").unlink()
        words = "lines then"
    with pytest.raises(UserError, match=words):
        run(home, 4)


def test_new_names_and_times_and_places_of_the_same_lines_are_no_change(
    home: Workspace, lines: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run(home, 2)
    for file in lines.iterdir():
        file.touch()
    run(home, 3)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    watcher = run(home, 4, source=str(lines))
    assert not any("ignored" in note for note in watcher.notes) and finished(home) == 4
    shutil.move(lines, tmp_path / "elsewhere" / "lines")
    watcher = run(home, 5)
    assert finished(home) == 5 and any("no longer in" in note for note in watcher.notes)


def test_the_same_command_in_another_folder_with_other_data_is_noticed(
    home: Workspace, lines: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run(home, 2)
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    write_pairs(tmp_path / "there" / "lines", striped_lines(30, 7))
    watcher = run(home, 3)
    assert "new values of data are ignored" in watcher.notes[0], "it continues with the lines of its first folder"
    assert load_store(home, "s").study.data.source == str(lines)
    shutil.rmtree(lines)
    with pytest.raises(UserError, match="have changed"):
        run(home, 4)


def test_a_study_without_a_record_gets_one(home: Workspace, lines: Path) -> None:
    run(home, 2)
    store = load_store(home, "s")
    recorded = store.data_identity()
    assert set(recorded) == {"32"} and recorded["32"]["validation"] == 6
    store.set_data_identity({})
    run(home, 3)
    assert load_store(home, "s").data_identity() == recorded
    assert DATA_KEY not in open_storage(home.optuna_url).get_study_user_attrs(store.optuna_study._study_id)

    fresh = study(name="fresh", data={"source": "lines", "test": False})
    prepared = prepare_study(fresh, home, RecordingObserver()).prepared
    assert identity_of(prepared[32]) == recorded["32"]


def test_lines_that_are_drawn_besides_do_not_count(home: Workspace, lines: Path) -> None:
    plain = prepare_study(study(data={"source": "lines", "test": False}), home, RecordingObserver()).prepared[32]
    drawn = study(data={"source": "lines", "test": False, "rendered": {"count": 5, "use": "extra"}})
    with_drawn = prepare_study(drawn, home, RecordingObserver()).prepared[32]
    assert len(with_drawn.training) == len(plain.training) + 5
    assert identity_of(with_drawn) == identity_of(plain)


def test_sources_are_kept_absolute(lines: Path) -> None:
    here = lines.parent
    (here / "labels.csv").write_text("image,text\n", encoding="utf-8")
    for text, absolute in (
        ("lines", f"{here}/lines"),
        ("pairs:lines", f"pairs:{here}/lines"),
        ("digits;lines", f"digits;{here}/lines"),
        ("digits:test", "digits:test"),
        ("csv:labels.csv@lines", f"csv:{here}/labels.csv@{here}/lines"),
        ("labels.csv@image,text", f"{here}/labels.csv@image,text"),
        ("nowhere", "nowhere"),
        (str(lines), str(lines)),
    ):
        assert absolute_sources(text) == absolute


def test_the_command_accepts_other_data_when_it_is_told_to(
    home: Workspace, lines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(home.folder))
    monkeypatch.setattr("studies.run.search.engines", {"local": lambda _: ScriptedEngine()})
    words = ["search", "--name", "s", "--data", "lines", "--epochs", "1", "--trials"]
    assert main([*words, "1"]) in (0, 1)
    (lines / "003.png").unlink()
    assert main([*words, "2"]) == 2
    assert "--accept-data" in capsys.readouterr().err
    assert main([*words, "2", "--accept-data"]) in (0, 1)
    assert sum(trial.counts_against_budget for trial in load_store(home, "s").stored_trials()) == 2
