"""The same study gives the same proposals, weights and bytes twice, and every model can be made again from its record."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dashboards.cli.command_line import main
from examples.engine import InProcessEngine
from search_space import Architecture
from studies import reproduce
from studies.definition.study import Study, resolve
from studies.run.recoded_points import SUFFIX, point_within
from studies.storage.pareto_front import load_points, load_store
from studies.storage.stored_trial import StoredTrial
from studies.workspace.paths import Workspace
from testing.small_studies import run_search
from testing.striped_lines import striped_lines, write_pairs
from testing.tiny_model import tiny_model
from trainers.base.errors import UserError
from trainers.base.recipe import find_recipe
from trainers.data.spec import DataSpec
from trainers.trial.run import TrialJob
from trainers.trial.training_record import read_record, record_file, write_record

SPACE = {"width_percent": [25], "encoder_hidden": [8, 16], "encoder_layers": [1], "precision": ["fp32", "int8"]}


def small(lines: Path, **search: Any) -> Study:
    return resolve(
        {
            "name": "s",
            "data": {"source": str(lines), "test": False, "rendered": None},
            "recipe": {"preset": "anytime", "min_epoch_lines": 0},  # shows the forty lines once
            "space": SPACE,
            "budget": {"trials": 2, "epochs": 1},
            "search": {"sampler": "front", "seed": 3, "early_stopping": "none", "begin": "random"} | search,
        },
        "test",
    )


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lines") / "lines"
    write_pairs(folder, striped_lines(40, 0))
    return folder


@pytest.fixture(scope="module")
def twice(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Workspace]:
    """Two homes in which the same study has run, with trainings that begin with those before them."""
    homes = []
    with pytest.MonkeyPatch.context() as patch:
        for module in ("studies.run.beginnings", "studies.storage.front_point", "trainers.base.candidate"):
            patch.setattr(f"{module}.READING_CER", float("inf"))  # whether they read after an epoch is not the question
        patch.setattr("studies.run.beginnings._reads", lambda parent: 0.5)
        for name in ("one", "other"):
            homes.append(Workspace(tmp_path_factory.mktemp(name) / "runs"))
            run_search(small(lines, inherit="always"), homes[-1], engine=InProcessEngine())
    return homes[0], homes[1]


def candidates(workspace: Workspace) -> list[StoredTrial]:
    return [trial for trial in load_store(workspace, "s").stored_trials() if trial.is_candidate]


def models(workspace: Workspace) -> list[Path]:
    return sorted((workspace.models / "s").glob("*.onnx"))


def is_finished(model: Path) -> bool:
    return bool(read_record(record_file(model)).job["finish"])


@pytest.mark.slow
def test_the_same_study_gives_the_same_proposals_weights_and_bytes(twice: tuple[Workspace, Workspace]) -> None:
    one, other = (candidates(workspace) for workspace in twice)
    finished = [trial for trial in one if trial.measurement is not None and trial.measurement.finish_lines]
    assert finished and len(one) == 4 + len(finished)
    assert [trial.params for trial in one] == [trial.params for trial in other]
    assert [trial.lineage for trial in one] == [trial.lineage for trial in other]
    assert any(trial.lineage is not None for trial in one), "nothing was inherited, and that is to be the same too"
    first, second = (models(workspace) for workspace in twice)
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.slow
def test_a_model_that_inherited_is_made_again(twice: tuple[Workspace, Workspace]) -> None:
    heirs = [file for file in models(twice[0]) if read_record(record_file(file)).lineage is not None]
    (int8,) = (f for f in heirs if read_record(record_file(f)).precision == "int8" and not is_finished(f))
    found = reproduce(str(int8), twice[0])
    assert found.identical and found.differences == (), found
    assert found.accuracy == found.found_accuracy and found.epochs == 1


@pytest.mark.slow
def test_a_finished_model_is_made_again(twice: tuple[Workspace, Workspace]) -> None:
    file = next(file for file in models(twice[0]) if is_finished(file))
    found = reproduce(str(file), twice[0])
    assert found.identical and found.differences == (), found


@pytest.mark.slow
def test_a_file_that_was_coded_to_fit_a_size_is_made_again(
    twice: tuple[Workspace, Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.storage.front_point.READING_CER", float("inf"))  # whether it reads is not the question
    points = load_points(twice[0], "s")
    recoded = point_within(twice[0], "s", points, min(point.size_bytes for point in points) - 1)
    assert recoded.model.endswith(SUFFIX)
    found = reproduce(recoded.model, twice[0])
    assert found.identical and found.differences == (), found
    other = read_record(record_file(Path(recoded.model)))
    source = next(point for point in points if point.trial == recoded.trial)
    assert (other.recoded, other.precision) == (recoded.architecture["precision"], source.architecture["precision"])


@pytest.mark.slow
def test_a_parent_whose_weights_are_gone_is_made_again_or_named(twice: tuple[Workspace, Workspace], tmp_path: Path) -> None:
    home = Workspace(tmp_path / "runs")
    shutil.copytree(twice[1].folder, home.folder)
    shutil.rmtree(home.weights("s"))
    shutil.rmtree(twice[1].weights("s"))  # records name the place where the weights were
    heir = next(file for file in models(home) if read_record(record_file(file)).lineage is not None)
    found = reproduce(str(heir), home)
    assert found.identical and found.epochs == 2, found
    parent = read_record(record_file(heir)).lineage
    assert parent is not None
    for record in (home.models / "s").glob("*.training.json"):
        if record != record_file(heir):
            record.unlink()
    with pytest.raises(UserError, match=rf"began with weights of {parent.parent.name} .* missing, and no model"):
        reproduce(str(heir), home)


@pytest.mark.slow
def test_the_command_says_what_differs(
    twice: tuple[Workspace, Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = next(path for path in models(twice[0]) if read_record(record_file(path)).lineage is None)
    monkeypatch.setenv("PARETEXT_HOME", str(twice[0].folder))
    copy = tmp_path / "carried.onnx"
    shutil.copyfile(file, copy)  # known by its hash
    assert main(["reproduce", str(copy)]) == 0
    assert f"{copy}: identical, byte for byte, after 1 epoch " in capsys.readouterr().out
    record = read_record(record_file(file))
    changed = {**record.as_dict(), "versions": {**record.versions, "numpy": "1.0"}, "job": {**record.job, "seed": 5}}
    record_file(copy).write_text(json.dumps(changed), encoding="utf-8")
    assert main(["reproduce", str(copy), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["identical"] is False and told["differences"][0].startswith("numpy 1.0 then, ")
    assert told["sha256"] != told["found_sha256"]


def test_what_cannot_be_made_again_gets_one_line(
    lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tiny_model(tmp_path / "m.onnx")
    data = DataSpec(training=str(lines))
    job = TrialJob(Architecture(), data, tmp_path / "cache", find_recipe("anytime"), 3, tmp_path)
    write_record(file, "fp32", job, data.as_dict(), "0" * 16, 3, None)
    good = read_record(record_file(file)).as_dict()
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "home"))
    for content, words in (
        ("", "there is no record of how"),
        ("{", "cannot be read as the record of a training"),
        (json.dumps(good | {"format": 3}), "its format is 3"),
        (json.dumps(good), "are not those that"),
        (json.dumps(good | {"job": good["job"] | {"device": "cuda"}}), "this machine has no GPU"),
    ):
        record_file(file).unlink(missing_ok=True)
        if content:
            record_file(file).write_text(content, encoding="utf-8")
        assert main(["reproduce", str(file)]) == 2
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1, said
    assert main(["reproduce", str(tmp_path / "none.onnx")]) == 2
    assert "there is no model file" in capsys.readouterr().err
