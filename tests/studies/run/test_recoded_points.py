"""A training of a study is stored anew: to fit a size limit, or in as few bytes as read equally well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from studies.run.promotion_candidate import GateOptions, Shrink, find_candidate, promote_candidate
from studies.run.recoded_points import SUFFIX, _trainings, discard, how_it_was_made, point_within, recoded_files, smaller_point
from studies.storage.front_point import FrontPoint
from studies.storage.pareto_front import load_front, load_points
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.base.file_digest import file_sha256
from trainers.export.onnx_file import finished
from trainers.export.plain import plain_graph
from trainers.inference.reader import Reader

NAME = "shown"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, copy_of_shown_study: Callable[[Path], Workspace]) -> Workspace:
    return copy_of_shown_study(tmp_path_factory.mktemp("shown") / "runs")


@pytest.fixture(scope="module")
def points(workspace: Workspace) -> list[FrontPoint]:
    return load_points(workspace, NAME)


def test_a_file_of_the_study_that_fits_is_taken(workspace: Workspace, points: list[FrontPoint]) -> None:
    smallest = load_front(workspace, NAME)[0]
    assert point_within(workspace, NAME, points, smallest.size_bytes) == next(p for p in points if p.trial == smallest.trial)


def test_where_nothing_fits_a_training_of_the_front_is_coded_to_fit(workspace: Workspace, points: list[FrontPoint]) -> None:
    before = {path: path.read_bytes() for path in workspace.models.rglob("*.onnx")}
    best = load_front(workspace, NAME)[-1]
    limit_bytes = 40_000
    assert limit_bytes < min(point.size_bytes for point in points)
    made = point_within(workspace, NAME, points, limit_bytes)
    assert made.size_bytes == Path(made.model).stat().st_size <= limit_bytes
    assert made.sha256 == file_sha256(Path(made.model)) and made.validation_lines == 120
    assert made.accuracy >= best.accuracy - 0.02
    assert Reader(Path(made.model)).metadata.architecture["precision"] == made.architecture["precision"]
    assert made.model.endswith(SUFFIX) and made.architecture["precision"] in how_it_was_made(made)
    assert all(path.read_bytes() == data for path, data in before.items()), "no file of the study has changed"
    assert load_points(workspace, NAME) == points, "and no trial has been added"


def test_trainings_are_tried_in_the_order_of_their_best_files(points: list[FrontPoint]) -> None:
    def file(trial: int, accuracy: float, size_bytes: int, epochs: int, precision: str) -> FrontPoint:
        architecture = {**points[0].architecture, "precision": precision}
        read = {"trial": trial, "accuracy": accuracy, "cer": 1 - accuracy, "size_bytes": size_bytes, "right_lines": None}
        return replace(points[0], **read, architecture=architecture, epochs_trained=epochs)

    files = [file(1, 0.99, 900, 9, "int8"), file(2, 0.95, 500, 3, "int8"), file(3, 0.8, 100, 9, "coded_80")]
    assert [point.trial for point in _trainings(files)] == [1, 2]


def test_what_no_coding_fits_is_refused_in_one_line(workspace: Workspace, points: list[FrontPoint]) -> None:
    what = r"no candidate within 1\.00KB; .*, and no training of its front can be coded to fit"
    with pytest.raises(UserError, match=f"{what}; the smallest file of one takes"):
        point_within(workspace, NAME, points, 1000)


def test_a_training_is_stored_in_fewer_bytes_that_read_equally_well(workspace: Workspace, points: list[FrontPoint]) -> None:
    best = load_front(workspace, NAME)[-1]
    equal = smaller_point(workspace, NAME, points, best, None)
    assert equal.size_bytes < best.size_bytes and best.right_lines is not None and equal.right_lines is not None
    assert equal.accuracy >= best.accuracy or equal.same_as(best) is not None
    lossless = smaller_point(workspace, NAME, points, best, 0.0)
    coarser = smaller_point(workspace, NAME, points, best, 0.3)
    assert lossless.accuracy >= best.accuracy
    assert coarser.size_bytes <= lossless.size_bytes <= best.size_bytes and coarser.accuracy >= best.accuracy - 0.3


def worse_than(best: FrontPoint, folder: Path) -> FrontPoint:
    """A larger file of the same training that reads nothing: its weights have been shuffled."""
    model, rng = plain_graph(Path(best.model)), np.random.default_rng(0)
    for tensor in model.graph.initializer:
        if len(tensor.dims) > 1 and tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(rng.permuted(numpy_helper.to_array(tensor)), tensor.name))
    worse = folder / "worse.onnx"
    worse.write_bytes(finished(model, Reader(Path(best.model)).metadata, "fp32"))
    return replace(
        best,
        trial=900,
        model=str(worse),
        size_bytes=2 * best.size_bytes,  # the sizes of this study are made up
        architecture={**best.architecture, "precision": "fp32"},
        accuracy=0.1,
        right_lines=None,
        finish_lines=None,
    )


def test_weights_come_from_the_finish_and_not_from_a_larger_file_without_one(workspace: Workspace, tmp_path: Path) -> None:
    best = replace(load_front(workspace, NAME)[-1], finish_lines=1000)
    worse = worse_than(best, tmp_path)
    made = smaller_point(workspace, NAME, [worse, best], best, None)
    assert made.size_bytes < best.size_bytes and made.finish_lines == 1000
    assert made.accuracy >= best.accuracy or made.same_as(best) is not None
    fitting = point_within(workspace, NAME, [worse, best], 40_000)
    assert fitting.accuracy >= best.accuracy - 0.02 and fitting.finish_lines == 1000


def test_a_smaller_file_of_the_study_that_reads_as_well_is_taken(workspace: Workspace) -> None:
    best = load_front(workspace, NAME)[-1]
    small = replace(best, trial=901, size_bytes=5_000)
    assert smaller_point(workspace, NAME, [best, small], best, None) == small
    assert smaller_point(workspace, NAME, [best, replace(small, accuracy=best.accuracy - 0.1)], best, 0.05).trial == best.trial


def test_a_damaged_file_is_passed_over(workspace: Workspace, tmp_path: Path) -> None:
    best = replace(load_front(workspace, NAME)[-1], finish_lines=1000)
    worse = worse_than(best, tmp_path)
    Path(worse.model).write_bytes(Path(worse.model).read_bytes()[:2000])
    assert point_within(workspace, NAME, [worse, best], 40_000).accuracy >= best.accuracy - 0.02
    Path(worse.model).unlink()
    assert point_within(workspace, NAME, [worse, best], 40_000).accuracy >= best.accuracy - 0.02


def test_a_dry_run_leaves_no_file(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(workspace.folder))
    for made_before in recoded_files(workspace, NAME):
        discard(made_before)
    before = set(workspace.models.rglob("*"))
    candidate = find_candidate(NAME, workspace, size_limit_bytes=39_000, shrink=Shrink(0.5))
    assert candidate.is_new and len(recoded_files(workspace, NAME) - before) == 1
    promoted = promote_candidate(candidate, "never", workspace, GateOptions(dry_run=True))
    assert promoted.dry_run and promoted.precision == candidate.point.architecture["precision"]
    assert set(workspace.models.rglob("*")) == before


def test_an_interrupted_one_leaves_no_file(
    workspace: Workspace, points: list[FrontPoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C after a file was written, while it is measured."""
    for made_before in recoded_files(workspace, NAME):
        discard(made_before)
    before = set(workspace.models.rglob("*"))

    def interrupted(path: Path, *_: object, **__: object) -> None:
        assert path.is_file()
        raise KeyboardInterrupt

    monkeypatch.setattr("trainers.trial.recoding.measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        smaller_point(workspace, NAME, points, load_front(workspace, NAME)[-1], None)
    with pytest.raises(KeyboardInterrupt):
        point_within(workspace, NAME, points, 39_000)
    assert set(workspace.models.rglob("*")) == before
