"""A training of a study is stored anew: to fit a size limit, or in as few bytes as read equally well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from studies.run.recoded_points import SUFFIX, how_it_was_made, point_within, smaller_point
from studies.storage.front_point import FrontPoint
from studies.storage.pareto_front import load_front, load_points
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.base.file_digest import file_sha256
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


def test_what_no_coding_fits_is_refused_in_one_line(workspace: Workspace, points: list[FrontPoint]) -> None:
    with pytest.raises(
        UserError, match=r"no candidate within 1\.00KB; .*, and no training of its front reads if it is coded to fit"
    ):
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
