"""A promoted model is the measured file, reads as it does without this project, and is the champion until the next one."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from studies.registry.example_image import example_png_base64
from studies.registry.mlflow_client import open_mlflow
from studies.registry.model_registry import find, newest_champion, promote
from studies.registry.quick_look import champions
from studies.registry.rollback import roll_back
from studies.registry.run_tracker import RunTracker
from studies.storage.front_point import FrontPoint
from studies.workspace.paths import Workspace
from testing.tiny_model import tiny_point
from trainers.base.errors import UserError
from trainers.inference.reader import Reader


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("runs")).prepare()


def images() -> list[Image.Image]:
    """Of many sizes, modes and contents."""
    noise = np.random.default_rng(0)
    found = [
        Image.fromarray(noise.integers(0, 256, (h, w, 3), dtype=np.uint8)) for h, w in ((32, 96), (20, 333), (64, 31), (1, 1))
    ]
    found += [found[1].convert(mode) for mode in ("L", "1", "P", "RGBA", "LA", "CMYK", "I;16")]
    return found


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "TIFF" if image.mode == "CMYK" else "PNG")
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def nothing_is_left_in_the_current_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """MLflow makes a database there as soon as it is asked without an address."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    yield
    assert list(here.iterdir()) == []


def test_a_promoted_model_reads_what_its_file_reads(workspace: Workspace, points: list[FrontPoint]) -> None:
    promotion = promote(points[0], "alike", workspace, "digits")
    champion = find(workspace, "models:/alike@champion")
    files = [png(image) for image in images()]
    expected = Reader(points[0].model).read([Image.open(io.BytesIO(file)) for file in files])
    assert champion.read(files) == expected
    assert any(reading.text for reading in expected)
    assert (promotion.version, promotion.previous_version) == (1, None)
    assert champion.tags["sha256"] == promotion.sha256


def test_the_next_promotion_is_the_champion_and_names_the_one_before(workspace: Workspace, points: list[FrontPoint]) -> None:
    promote(points[0], "line", workspace, "digits")
    second = promote(points[1], "line", workspace, "digits")
    assert (second.version, second.previous_version) == (2, 1)
    champion = find(workspace, "models:/line@champion")
    assert champion.version == 2
    assert champion.tags["previous_version"] == "1"
    assert champion.tags["trial"] == "1"
    assert champion.tags["study"] == "digits"
    assert float(champion.tags["accuracy"]) == pytest.approx(0.6)
    assert int(champion.tags["bytes"]) == points[1].size_bytes
    assert find(workspace, "models:/line/1").tags["trial"] == "0"
    assert newest_champion(workspace).model == "line"


def test_the_logged_model_knows_its_version_and_its_metrics_and_its_run_has_it(
    workspace: Workspace, points: list[FrontPoint]
) -> None:
    tracker = RunTracker(workspace, "linked", pytest.fail)
    tracker.start({})
    tracker.log_trial(1, points[1].architecture, {"accuracy": points[1].accuracy}, "measured")
    tracker.finish()
    promote(replace(points[1], test_accuracy=0.5, test_lines=400), "linked", workspace, "linked")
    client = open_mlflow(workspace)
    run = client.get_run(client.get_model_version("linked", "1").run_id)
    (made,) = run.outputs.model_outputs
    logged = client.get_logged_model(made.model_id)
    assert json.loads(logged.tags["mlflow.modelVersions"]) == [{"name": "linked", "version": "1"}]
    assert logged.tags["study"] == "linked" and logged.status == "READY"
    metrics = {metric.key: metric.value for metric in logged.metrics}
    measured = {"accuracy": 0.6, "cer": 0.1, "size_bytes": points[1].size_bytes, "latency_ms": 0.2, "test_accuracy": 0.5}
    assert measured.items() <= metrics.items()
    assert run.data.tags["paretext.kind"] == "trial"
    assert len(client.get_metric_history(run.info.run_id, "accuracy")) == 1, "the run has no second point of its own accuracy"


def test_the_newest_champion_is_what_was_promoted_or_rolled_back_last(workspace: Workspace, points: list[FrontPoint]) -> None:
    for model in ("mine-a", "mine-b"):
        for point in points[:2]:
            promote(point, model, workspace, None)
    assert newest(workspace) == ("mine-b", 2)
    promote(points[0], "mine-a", workspace, None)
    assert newest(workspace) == ("mine-a", 1), "a file that is registered already gets no new version"
    roll_back("mine-b", workspace)
    assert newest(workspace) == ("mine-b", 1)
    client = open_mlflow(workspace)
    client.set_registered_model_alias("mine-b", "champion", "2")
    assert newest(workspace) == ("mine-a", 1), "when another program has set an alias is not known"
    client.set_registered_model_tag("mine-a", "paretext.champion.9999", "edited")
    assert newest(workspace) == ("mine-b", 2), "so it is when the version was registered"


def newest(workspace: Workspace) -> tuple[str, int]:
    """Name and version of the newest champion, on which both ways to find it agree."""
    found = newest_champion(workspace)
    assert champions(workspace)[0] == (found.model, found.version)
    return found.model, found.version


def test_a_file_that_was_stored_anew_leaves_the_run_of_its_trial_as_it_is(
    workspace: Workspace, points: list[FrontPoint]
) -> None:
    measured = {"accuracy": points[1].accuracy, "size_bytes": float(2 * points[1].size_bytes)}
    tracker = RunTracker(workspace, "anew", pytest.fail)
    tracker.start({})
    tracker.log_trial(1, points[1].architecture, measured, "measured")
    tracker.finish()
    for model in ("smaller", "again"):
        promote(points[1], model, workspace, "anew")
    client = open_mlflow(workspace)
    own, other = (client.get_run(client.get_model_version(model, "1").run_id) for model in ("smaller", "again"))
    assert own.info.run_id == other.info.run_id and own.data.metrics["size_bytes"] == points[1].size_bytes
    assert own.data.tags["paretext.kind"] == "promotion" and own.data.tags["paretext.trial"] == "1"
    runs = client.search_runs([own.info.experiment_id], "tags.`paretext.study` = 'anew' and tags.`paretext.trial` = '1'")
    (trial,) = [run for run in runs if run.info.run_id != own.info.run_id]
    assert trial.data.metrics == measured and not trial.outputs.model_outputs


def test_promotions_at_the_same_time_take_turns(workspace: Workspace, points: list[FrontPoint]) -> None:
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda point: promote(point, "rushed", workspace, "digits"), points))
    assert sorted(p.version for p in made) == [1, 2, 3]
    assert sorted(p.previous_version or 0 for p in made) == [0, 1, 2]
    assert find(workspace, "models:/rushed@champion").version == 3


def test_a_registered_model_imports_nothing_of_this_project_and_takes_every_form_of_image(
    workspace: Workspace, points: list[FrontPoint], tmp_path: Path
) -> None:
    promote(points[2], "alone", workspace, "digits")
    folder = find(workspace, "models:/alone@champion").folder
    text = example_png_base64("0123456789")
    program = f"""
import base64, io, json, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("search_space", "trainers", "studies", "dashboards", "torch", "onnx", "optuna"):
            raise ImportError("a served model asked for " + name)
sys.meta_path.insert(0, Refuse())
import mlflow, numpy, pandas
from PIL import Image
from mlflow.pyfunc.scoring_server import infer_and_parse_data
model = mlflow.pyfunc.load_model({str(folder)!r})
text = {text!r}
pixels = numpy.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
schema = model.metadata.get_input_schema()
requests = [
    {{"dataframe_records": [{{"image": text}}]}},
    {{"dataframe_split": {{"columns": ["image"], "data": [[text]]}}}},
    {{"inputs": {{"image": [text]}}}},
    {{"dataframe_records": [{{"image": pixels.tolist()}}]}},
]
tables = [infer_and_parse_data(request, schema) for request in requests]
for cell in ("data:image/png;base64," + text, base64.b64decode(text), pixels):
    tables.append(pandas.DataFrame({{"image": [cell]}}))
print(json.dumps([model.predict(table).to_dict("records") for table in tables]))
"""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    readings = json.loads(answer.stdout.splitlines()[-1])
    (expected,) = Reader(points[2].model).read([Image.open(io.BytesIO(base64.b64decode(text)))])
    assert readings == [[{"text": expected.text, "confidence": expected.confidence}]] * 7


def test_nothing_in_a_registered_model_is_pickled_and_its_needs_are_few(workspace: Workspace, points: list[FrontPoint]) -> None:
    promote(points[0], "small", workspace, "digits")
    folder = find(workspace, "models:/small@champion").folder
    assert sorted(p.suffix for p in folder.rglob("*") if p.is_file() and p.suffix in (".pkl", ".onnx", ".py")) == [
        ".onnx",
        ".py",
    ]
    needs = [line.split("==")[0] for line in (folder / "requirements.txt").read_text().splitlines()]
    assert sorted(needs) == ["mlflow", "numpy", "onnxruntime", "pillow"]
    assert (folder / "input_example.json").is_file()


@pytest.mark.parametrize("cell", ["not base64!", base64.b64encode(b"no image").decode(), b"no image", [[300]], "", [1, 2]])
def test_a_served_model_names_the_row_that_is_no_image(workspace: Workspace, points: list[FrontPoint], cell: object) -> None:
    from studies.registry.pyfunc_model import LineReader

    reader: Any = LineReader()
    reader.load_context(type("Context", (), {"artifacts": {"model": points[0].model}}))
    with pytest.raises(UserError, match="row 2"):
        reader.predict(None, [example_png_base64("01"), cell])


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("models:/digit@champion", "did you mean 'digits'"),
        ("models:/digits@best", "has no alias .best.; its versions are"),
        ("models:/digits/99", "has no version 99; its versions are"),
        ("digits", "is not the URI of a registered model"),
        ("models:/digits", "is not the URI of a registered model"),
    ],
)
def test_a_model_that_is_not_there_is_one_clear_line(
    workspace: Workspace, points: list[FrontPoint], address: str, answer: str
) -> None:
    if "digits" not in [m.name for m in open_mlflow(workspace).search_registered_models()]:
        promote(points[0], "digits", workspace, "digits")
    with pytest.raises(UserError, match=answer):
        find(workspace, address)


def test_an_empty_registry_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="paretext promote"):
        newest_champion(Workspace(tmp_path))
    with pytest.raises(UserError, match="paretext promote"):
        find(Workspace(tmp_path), "models:/a@champion")


def test_a_file_that_is_gone_or_has_changed_is_not_promoted(workspace: Workspace, tmp_path: Path) -> None:
    point = tiny_point(tmp_path / "changed.onnx")
    with Path(point.model).open("ab") as file:
        file.write(b"x")
    with pytest.raises(UserError, match="has changed since it was measured"):
        promote(point, "never", workspace, "digits")
    Path(point.model).unlink()
    with pytest.raises(UserError, match="no longer exists"):
        promote(point, "never", workspace, "digits")
    with pytest.raises(UserError, match="is not a valid model name"):
        promote(point, "models:/never", workspace, "digits")
    assert "never" not in [model.name for model in open_mlflow(workspace).search_registered_models()]


def test_a_version_that_reads_otherwise_does_not_become_champion(
    workspace: Workspace, points: list[FrontPoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(points[0], "gated", workspace, "digits")
    wrong = """
import mlflow, pandas
class Wrong(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return pandas.DataFrame({"text": ["wrong"] * len(model_input), "confidence": [1.0] * len(model_input)})
mlflow.models.set_model(Wrong())
"""
    monkeypatch.setattr("studies.registry.model_package.bundle_source", lambda module: wrong)
    with pytest.raises(RuntimeError, match="champion"):
        promote(points[1], "gated", workspace, "digits")
    assert find(workspace, "models:/gated@champion").version == 1
