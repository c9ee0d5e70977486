"""Registered files that were damaged or exchanged, homes of strangers, and images that would exhaust a served model."""

from __future__ import annotations

import base64
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from studies.registry.example_image import example_png_base64
from studies.registry.mlflow_client import open_mlflow
from studies.registry.model_registry import find, promote
from studies.storage.front_point import FrontPoint
from studies.workspace.paths import Workspace
from testing.tiny_model import tiny_point
from trainers.base.errors import UserError


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("runs")).prepare()


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def damage(path: Path) -> None:
    """Zeroes 200 bytes in the middle, as a failing disk does; the size stays."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    assert any(data[middle : middle + 200])
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)


def test_a_file_that_the_disk_has_damaged_is_not_promoted(workspace: Workspace, tmp_path: Path) -> None:
    point = tiny_point(tmp_path / "damaged.onnx")
    damage(Path(point.model))
    with pytest.raises(UserError, match="has changed since it was measured: its SHA-256 is"):
        promote(point, "damaged", workspace, "digits")
    assert "damaged" not in [model.name for model in open_mlflow(workspace).search_registered_models()]


def test_a_registered_file_that_is_damaged_or_exchanged_is_not_read(workspace: Workspace, points: list[FrontPoint]) -> None:
    image = base64.b64decode(example_png_base64("01"))
    promote(points[0], "kept", workspace, "digits")
    assert find(workspace, "models:/kept@champion").read([image])
    (file,) = find(workspace, "models:/kept@champion").folder.rglob("*.onnx")
    whole = file.read_bytes()
    damage(file)
    with pytest.raises(UserError, match="is damaged or was exchanged"):
        find(workspace, "models:/kept@champion").read([image])
    file.write_bytes(Path(points[1].model).read_bytes())
    with pytest.raises(UserError, match="is damaged or was exchanged"):
        find(workspace, "models:/kept@champion").read([image])
    file.unlink()
    with pytest.raises(UserError, match="the ONNX file of kept version 1 is missing from"):
        find(workspace, "models:/kept@champion").read([image])
    file.write_bytes(whole)
    assert find(workspace, "models:/kept@champion").read([image])


def test_reading_runs_nothing_that_lies_in_a_registered_folder(workspace: Workspace, points: list[FrontPoint]) -> None:
    image = base64.b64decode(example_png_base64("01"))
    promote(points[0], "trap", workspace, "digits")
    folder = find(workspace, "models:/trap@champion").folder
    expected = find(workspace, "models:/trap@champion").read([image])
    (code,) = folder.rglob("line_reader.py")
    code.write_text(f"open({str(folder / 'ran')!r}, 'w').close()\n" + code.read_text())
    pickled = "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    model_path: model.pkl\n"
    for content in ((folder / "MLmodel").read_text(), pickled):
        (folder / "MLmodel").write_text(content)
        (folder / "model.pkl").write_bytes(f"cos\nsystem\n(Vtouch {folder / 'ran'}\ntR.".encode())
        assert find(workspace, "models:/trap@champion").read([image]) == expected
        assert not (folder / "ran").exists()


def test_a_home_can_be_copied_and_moved(points: list[FrontPoint], tmp_path: Path) -> None:
    """What is promoted in a copy lies in the copy, and a moved home does not make its old folder again."""
    image = base64.b64decode(example_png_base64("01"))
    first = Workspace(tmp_path / "first").prepare()
    promote(points[0], "line", first, "digits")
    expected = find(first, "models:/line@champion").read([image])
    shutil.copytree(first.folder, tmp_path / "copy")
    files = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*") if path.is_file() and path.suffix != ".lock"}
    copied = Workspace(tmp_path / "copy")
    assert find(copied, "models:/line/1").folder.is_relative_to(copied.folder)
    promote(points[1], "line", copied, "digits")
    assert find(copied, "models:/line/2").folder.is_relative_to(copied.folder)
    assert {path: path.stat().st_mtime_ns for path in files} == files, "the original is as it was"
    assert sum(path.suffix == ".onnx" for path in first.folder.rglob("*")) == 1
    first.folder.rename(tmp_path / "moved")
    moved = Workspace(tmp_path / "moved")
    assert find(moved, "models:/line@champion").read([image]) == expected
    promote(points[2], "line", moved, "digits")
    assert not first.folder.exists() and find(moved, "models:/line@champion").version == 2


def test_a_version_of_another_program_is_named_and_not_run(workspace: Workspace, points: list[FrontPoint]) -> None:
    promote(points[0], "theirs", workspace, "digits")
    client = open_mlflow(workspace)
    client.delete_model_version_tag("theirs", "1", "sha256")
    with pytest.raises(UserError, match="was not registered by 'paretext promote'"):
        find(workspace, "models:/theirs/1").read([base64.b64decode(example_png_base64("01"))])


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n{} loop\n", "PostScript"),
        (png(Image.new("L", (10_000, 1))), "150 times as wide as high"),
        (png(Image.new("1", (5_000, 4_001))), "too large"),
        (np.zeros((1, 10_000), dtype=np.uint8), "150 times as wide as high"),
    ],
)
def test_a_served_model_refuses_what_would_exhaust_it(points: list[FrontPoint], cell: object, reason: str) -> None:
    from studies.registry.pyfunc_model import LineReader

    reader: Any = LineReader()
    reader.load_context(type("Context", (), {"artifacts": {"model": points[0].model}}))
    forms = [cell, base64.b64encode(cell).decode()] if isinstance(cell, bytes) else [cell]
    for form in forms:
        with pytest.raises(UserError, match=reason) as caught:
            reader.predict(None, [example_png_base64("01"), form])
        assert "2" in str(caught.value)
