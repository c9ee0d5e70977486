"""An ONNX file may be a stranger's: it is looked at before ONNX Runtime gets it; what no model of Paretext has is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from testing.tiny_model import tiny_model
from trainers.base.errors import UserError
from trainers.inference.onnx_check import UnsafeFile, check_onnx
from trainers.inference.reader import Reader


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model") / "sound.onnx")


def external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer.add()
    tensor.name, tensor.data_type, tensor.data_location = "far", TensorProto.FLOAT, TensorProto.EXTERNAL
    tensor.dims.append(1)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../etc/passwd"


def named_elsewhere(model: onnx.ModelProto) -> None:
    entry = model.graph.initializer[0].external_data.add() if model.graph.initializer else None
    if entry is None:
        external(model)
    else:
        entry.key, entry.value = "location", "/etc/passwd"


def foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Run", ["x"], ["y"], domain="evil.example"))


def functions(model: onnx.ModelProto) -> None:
    model.functions.append(helper.make_function("local", "F", ["a"], ["a"], [], []))


def constant_elsewhere(model: onnx.ModelProto) -> None:
    tensor = helper.make_tensor("c", TensorProto.FLOAT, [1], [1.0])
    tensor.data_location = TensorProto.EXTERNAL
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))


def sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add()


def deep(model: onnx.ModelProto) -> None:
    graph = helper.make_graph([], "inner", [], [])
    for _ in range(20):
        graph = helper.make_graph([helper.make_node("If", ["c"], ["d"], then_branch=graph, else_branch=graph)], "g", [], [])
        if graph.ByteSize() > 1 << 20:
            break
    model.graph.node.extend(graph.node)


def no_graph(model: onnx.ModelProto) -> None:
    model.ClearField("graph")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (external, "its weights are in another file"),
        (named_elsewhere, "its weights are in another file"),
        (constant_elsewhere, "its weights are in another file"),
        (foreign_operator, "operators of another program"),
        (functions, "functions of its own"),
        (sparse, "sparse weights"),
        (deep, "nested too deeply"),
        (no_graph, "no network"),
    ],
)
def test_what_no_model_of_paretext_has_is_refused(
    sound: Path, tmp_path: Path, change: Callable[[onnx.ModelProto], None], words: str
) -> None:
    model = onnx.load(sound)
    change(model)
    (file := tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=words) as caught:
        Reader(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\0", b"hello", b"\x08\x07", bytes(1000), b"\xff" * 100, b"PK\3\4" + bytes(50)])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    (file := tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(UserError, match="is not a readable ONNX file"):
        Reader(file)


def test_a_file_that_is_cut_short_anywhere_is_refused(sound: Path) -> None:
    data = sound.read_bytes()
    check_onnx(data)
    for size in range(0, len(data) - 2_000, 97):  # behind the network are the metadata
        with pytest.raises(UnsafeFile):
            check_onnx(data[:size])


def test_flipped_bytes_are_read_or_refused_and_nothing_else(sound: Path) -> None:
    data = bytearray(sound.read_bytes())
    for at in [*range(300), *range(300, len(data), 53)]:
        damaged = data.copy()
        damaged[at] ^= 0xFF
        try:
            check_onnx(bytes(damaged))
        except UnsafeFile as fault:
            assert str(fault)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "paretext-99\x1b[31m"),
        ("charset", json.dumps("01\x1b[31m")),
        ("charset", json.dumps("01\n")),
        ("charset", "5"),
        ("charset", "null"),
        ("charset", "[" * 100_000),
        ("height_px", "1000000000"),
        ("height_px", "9" * 5000),
        ("time_stride", "0"),
        ("time_stride", "-4"),
        ("time_stride", "1000000000000"),
        ("architecture", "[]"),
        ("lineage", "7"),
        ("decoding", "eval"),
    ],
)
def test_metadata_that_make_no_sense_are_refused(sound: Path, tmp_path: Path, key: str, value: str) -> None:
    model = onnx.load(sound)
    found = [entry for entry in model.metadata_props if entry.key == key] or [model.metadata_props.add()]
    found[0].key, found[0].value = key, value
    onnx.save(model, file := tmp_path / "m.onnx")
    with pytest.raises(UserError) as caught:
        Reader(file)
    assert len(str(caught.value)) < 500 and "\x1b" not in str(caught.value)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "m.onnx")
    for path in (pipe, Path("/dev/zero"), tmp_path):
        with pytest.raises(UserError, match="not a regular file"):
            Reader(path)
