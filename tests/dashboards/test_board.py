"""What optuna-dashboard shows of a study: notes, the plot of the front, pictures and files of trials."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from optuna_dashboard import get_note, save_note
from PIL import Image

from dashboards.views import board as board_module
from dashboards.views.board import Board
from dashboards.views.board_artifacts import BoardArtifacts
from dashboards.views.board_notes import plain, trial_note
from dashboards.views.board_writer import BoardWriter
from dashboards.views.outcome_words import outcome_words
from search_space import Architecture
from studies.definition.study import resolve
from studies.run.study_renaming import rename_study
from studies.storage.backends import open_storage
from studies.storage.distributions import distributions
from studies.storage.outcomes import Failed, Measured, Stopped
from studies.storage.pareto_front import load_front, load_store
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import RecordingObserver, run_search, study
from trainers.base.candidate import Measurement
from trainers.base.right_lines import RightLines

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def home(shown: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the workspace, as it is after it has been moved, with its board filled."""
    folder = tmp_path_factory.mktemp("moved") / "runs"
    shutil.copytree(shown.folder, folder)
    moved = Workspace(folder)
    Board(load_store(moved, "shown"), moved).catch_up()
    return moved


@pytest.fixture
def store(home: Workspace) -> StudyStore:
    return load_store(home, "shown")


def attributes(store: StudyStore) -> dict[str, Any]:
    study = store.optuna_study
    return dict(study._storage.get_study_system_attrs(study._study_id))


def artifacts(store: StudyStore, number: int) -> dict[str, str]:
    """File name to ID of the artifacts of a trial, as Optuna describes them."""
    described = (json.loads(v) for k, v in store.trials()[number].system_attrs.items() if k.startswith("artifacts:"))
    return {meta["filename"]: meta["artifact_id"] for meta in described}


def first(store: StudyStore, kind: type) -> StoredTrial:
    return next(trial for trial in store.stored_trials() if isinstance(trial.outcome, kind))


def test_the_note_of_the_study_has_its_front_and_the_next_commands(home: Workspace, store: StudyStore) -> None:
    note = get_note(store.optuna_study)
    for point in load_front(home, "shown"):
        assert f"| {point.trial} [↗](/dashboard/studies/1/trials?numbers={point.trial}) |" in note
    assert "size 1.20MB" in note and "120 validation lines" in note and "paretext promote shown" in note
    assert "/shown-lines/train (" in note and "**Data**: …/" in note


def test_every_closed_trial_has_a_note_that_says_what_became_of_it(store: StudyStore) -> None:
    for trial in store.stored_trials():
        note = get_note(store.optuna_trial(trial.number))
        assert note.startswith(f"**{outcome_words(trial.outcome).text}**")
        assert ("paretext promote shown" in note) == trial.is_candidate
        assert all(len(line) <= 80 for line in note.splitlines())


def test_a_renamed_study_has_its_new_name_in_its_notes(shown: Workspace, tmp_path: Path) -> None:
    shutil.copytree(shown.folder, tmp_path / "runs")
    moved = Workspace(tmp_path / "runs")
    Board(load_store(moved, "shown"), moved).catch_up()
    store = load_store(moved, "shown")
    own, other = load_front(moved, "shown")[:2]
    save_note(store.optuna_trial(other.trial), "mine: paretext promote shown-better")
    rename_study(moved, "shown", "better")
    renamed = load_store(moved, "better")
    Board(renamed, moved).catch_up()
    assert f"paretext promote better --trial {own.trial}\n" in get_note(renamed.optuna_trial(own.trial))
    assert get_note(renamed.optuna_trial(other.trial)) == "mine: paretext promote shown-better"
    assert "paretext promote better" in get_note(renamed.optuna_study) and " shown" not in get_note(renamed.optuna_study)


def test_the_plot_has_the_front_the_limit_and_the_trials_that_were_stopped(home: Workspace, store: StudyStore) -> None:
    parts = {key: value for key, value in attributes(store).items() if key.startswith("dashboard:plot_data:front:")}
    figure = json.loads("".join(parts[f"dashboard:plot_data:front:{i}"] for i in range(len(parts))))
    traces = {trace["name"]: trace for trace in figure["data"]}
    assert {"on the front", "dominated", "stopped early", "suspended", "limit 1.20MB"} <= set(traces)
    assert len(traces["on the front"]["text"]) == len(load_front(home, "shown"))


def test_nothing_is_written_a_second_time(home: Workspace, store: StudyStore) -> None:
    before = attributes(store)
    Board(load_store(home, "shown"), home).catch_up()
    assert attributes(load_store(home, "shown")) == before


def test_a_note_that_a_person_has_changed_stays(home: Workspace, store: StudyStore) -> None:
    written = get_note(store.optuna_study)
    save_note(store.optuna_study, "mine")
    Board(store, home).catch_up()
    assert get_note(store.optuna_study) == "mine"
    save_note(store.optuna_study, "")
    Board(store, home).catch_up()
    assert get_note(store.optuna_study) == written


def test_a_large_study_has_notes_for_the_front_and_the_first_trials(
    shown: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_module, "MOST_NOTES", 2)
    shutil.copyfile(shown.optuna_file, tmp_path / "optuna.db")
    few = Workspace(tmp_path)
    store = load_store(few, "shown")
    for trial in store.stored_trials():  # another test may have opened the dashboard on the study
        save_note(store.optuna_trial(trial.number), "")
    Board(store, few)._remember(noted=[])
    Board(store, few).catch_up()
    noted = {t.number for t in store.stored_trials() if get_note(store.optuna_trial(t.number))}
    closed = [trial.number for trial in store.trials() if trial.state.is_finished()][:2]
    assert noted == {*closed} | {point.trial for point in load_front(few, "shown")}


def test_the_front_is_the_same_trial_by_trial_and_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second file is beaten by the first, until the finish of the first training replaces that one by a larger file."""
    monkeypatch.setattr(board_module, "MOST_NOTES", 1)
    workspace = Workspace(tmp_path).prepare()
    plates = resolve({"name": "plates", "data": {"test": False}}, "test")
    store, _ = StudyStore.create_or_open(open_storage(workspace.optuna_url, print), plates)
    board = Board(store, workspace)
    board.catch_up()

    def close(width: int, right: int, size_bytes: int, finish_lines: int | None = None) -> None:
        store.ask_params({"width_percent": width}, distributions(plates.search_space))
        lines = RightLines.of("d", [line < right for line in range(500)])
        values = Measurement(right / 500, 0.1, size_bytes, 0.4, 1_000, 500, right_lines=lines, finish_lines=finish_lines)
        number = len(store.trials()) - 1
        outcome = Measured(values, Path(f"models/plates/{number}.onnx"), 9)
        trial = StoredTrial.of(number, {"width_percent": width}, Architecture(width_percent=width), None, outcome)
        store.close(trial)
        board.add([trial])

    close(50, 480, 100_000)
    close(75, 478, 104_000)
    assert [point.trial for point in board._front] == [0] and not get_note(store.optuna_trial(1))
    close(50, 476, 101_000, finish_lines=1000)
    assert [point.trial for point in board._front] == [point.trial for point in load_front(workspace, "plates")] == [2, 1]
    assert all(get_note(store.optuna_trial(number)) for number in range(3))
    before = attributes(store)
    Board(load_store(workspace, "plates"), workspace).catch_up()
    assert attributes(load_store(workspace, "plates")) == before, "neither the note nor the plot differs"


def test_pictures_are_drawn_when_someone_looks_and_the_model_is_the_file_itself(home: Workspace, store: StudyStore) -> None:
    trial = first(store, Measured)
    assert isinstance(trial.outcome, Measured)
    offered, files = artifacts(store, trial.number), BoardArtifacts(home, open_storage(home.optuna_url))
    assert set(offered) == {"learning-curves.png", "errors.png", trial.outcome.model.name}
    assert not home.artifacts("shown").exists()
    for name in ("learning-curves.png", "errors.png"):
        with files.open_reader(offered[name]) as drawn:
            content = drawn.read()
        assert Image.open(io.BytesIO(content)).width > 900
        assert (home.artifacts("shown") / offered[name]).read_bytes() == content
    with files.open_reader(offered[trial.outcome.model.name]) as model:
        assert model.read() == (home.folder / trial.outcome.model).read_bytes()
    assert not (home.artifacts("shown") / offered[trial.outcome.model.name]).exists(), "no second copy"


def test_what_was_stopped_has_its_learning_curves_and_no_file(store: StudyStore) -> None:
    assert set(artifacts(store, first(store, Stopped).number)) == {"learning-curves.png"}


def test_a_picture_says_what_is_missing_and_is_not_kept(home: Workspace, store: StudyStore) -> None:
    trial = first(store, Stopped)
    (log,) = home.epochs("shown").glob(f"*-{trial.digest}.jsonl")
    log.rename(log.with_suffix(".away"))
    try:
        number = artifacts(store, trial.number)["learning-curves.png"]
        with BoardArtifacts(home, open_storage(home.optuna_url)).open_reader(number) as remark:
            assert remark.read().startswith(PNG)
        assert not (home.artifacts("shown") / number).exists()
    finally:
        log.with_suffix(".away").rename(log)


def test_markdown_in_a_reason_is_shown_as_it_is() -> None:
    trial = StoredTrial(3, {"width_percent": 25}, Failed("no `weights` for <b> | $x$\nin [this](link)"))
    assert r"no \`weights\` for \<b\> \| \$x\$ in \[this\](link)" in trial_note("s", trial, 9).replace("  \n", " ")
    assert plain("a\n  b") == "a b"


@pytest.mark.parametrize("storage", [None, "journal"])
def test_a_search_has_its_notes_written_while_it_runs(tmp_path: Path, storage: str | None) -> None:
    home = Workspace(tmp_path / "runs", None if storage is None else f"journal:{tmp_path / 'optuna.journal'}")
    watcher = RecordingObserver()
    with BoardWriter(watcher, home) as observer:
        run_search(study(), home, observer, ScriptedEngine())
    store = load_store(home, "s")
    assert watcher.summary is not None and not any("not written" in note for note in watcher.notes)
    assert get_note(store.optuna_study)
    assert all(get_note(store.optuna_trial(trial.number)) for trial in store.stored_trials())


def test_a_search_goes_on_if_its_notes_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise OSError("the board is on a full disk")

    monkeypatch.setattr(board_module, "save_note", broken)
    home, watcher = Workspace(tmp_path / "runs"), RecordingObserver()
    with BoardWriter(watcher, home) as observer:
        run_search(study(), home, observer, ScriptedEngine())
    assert watcher.summary is not None and watcher.summary.reason == "all trials done"
    (said,) = (note for note in watcher.notes if "not written" in note)
    assert "full disk" in said and "the search goes on" in said
