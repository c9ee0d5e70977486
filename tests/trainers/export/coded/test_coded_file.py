"""A coded file: smaller than int8, read in the same way, in another form where it would be larger, refused when damaged."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_space.architecture import Architecture
from search_space.recognizer import build_recognizer
from testing.random_weights import randomize_vectors
from testing.small_model import SMALL, SYMBOLS, small_model_metadata
from trainers.base.errors import UserError
from trainers.export.onnx_file import export, graph_of, write
from trainers.export.precision import store
from trainers.inference.onnx_session import OnnxSession
from trainers.inference.reader import Reader

FORMS = ("fp32", "int8", "coded", "coded_9", "coded_35", "coded_60")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models")
    graph = graph_of(randomize_vectors(build_recognizer(Architecture(width_percent=50), len(SYMBOLS))), 32)
    return {p: write(graph, folder / f"{p}.onnx", small_model_metadata(), p) for p in FORMS}


def test_a_coded_file_takes_two_thirds_of_an_int8_file_and_says_so(models: dict[str, Path]) -> None:
    assert models["coded"].stat().st_size < 0.7 * models["int8"].stat().st_size
    assert OnnxSession(models["coded"]).metadata["precision"] == "coded"
    onnx.checker.check_model(onnx.load(models["coded"]), full_check=True)


def test_it_computes_nearly_what_the_network_computes(models: dict[str, Path]) -> None:
    images = np.random.default_rng(0).uniform(-1, 1, (2, 3, 32, 128)).astype(np.float32)
    expected, found = (OnnxSession(models[p]).run(images) for p in ("fp32", "coded"))
    assert np.abs(found - expected).max() < 0.15 * np.abs(expected).max()


def test_an_open_session_runs_the_nodes_of_the_fp32_file_alone(models: dict[str, Path], tmp_path: Path) -> None:
    def operators(precision: str) -> list[str]:
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(tmp_path / f"{precision}.onnx")
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        onnxruntime.InferenceSession(models[precision], options, providers=["CPUExecutionProvider"])
        return sorted(node.op_type for node in onnx.load(tmp_path / f"{precision}.onnx").graph.node)

    assert operators("coded") == operators("fp32")


def test_a_file_that_would_be_larger_is_written_in_int8_and_says_so(tmp_path: Path) -> None:
    tiny = torch.nn.Sequential(torch.nn.Conv2d(3, 4, (32, 3)), torch.nn.Flatten(2), torch.nn.Linear(190, 3))
    path = export(randomize_vectors(tiny), tmp_path / "tiny.onnx", small_model_metadata(), "coded")
    metadata, stored = OnnxSession(path).metadata, SMALL.with_(precision="int8")
    assert (metadata["precision"], metadata["digest"]) == ("int8", stored.digest)
    assert json.loads(metadata["architecture"]) == stored.as_dict()
    assert path.read_bytes() == export(tiny, tmp_path / "int8.onnx", small_model_metadata(), "int8").read_bytes()


def test_coarser_steps_take_fewer_bytes_and_the_file_names_the_step(models: dict[str, Path]) -> None:
    sizes = [models[p].stat().st_size for p in ("coded_9", "coded", "coded_35", "coded_60")]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < 0.6 * sizes[0]
    assert OnnxSession(models["coded_35"]).metadata["precision"] == "coded_35"
    assert Reader(models["coded_35"]).metadata.architecture["precision"] == "coded_35"


def test_weights_that_are_not_numbers_are_kept_as_they_are(models: dict[str, Path]) -> None:
    graph = onnx.load(models["fp32"]).graph
    largest = max(graph.initializer, key=lambda tensor: len(tensor.raw_data))
    value = onnx.numpy_helper.to_array(largest).copy()
    value.ravel()[0] = np.nan
    largest.CopyFrom(onnx.numpy_helper.from_array(value, largest.name))
    name = largest.name
    store(graph, "coded")
    (kept,) = [tensor for tensor in graph.initializer if tensor.name == name]
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(kept), value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), flipped=st.integers(1, 255))
def test_a_file_with_one_wrong_byte_is_refused_in_one_line(
    models: dict[str, Path], tmp_path: Path, place: float, flipped: int
) -> None:
    data = bytearray(models["coded"].read_bytes())
    data[int(place * len(data))] ^= flipped
    refused_in_one_line(bytes(data), tmp_path)


@pytest.mark.parametrize("kept", [0, 1, 100, 5000, -1, -8, -30])
def test_a_file_that_was_cut_off_is_refused_in_one_line(models: dict[str, Path], tmp_path: Path, kept: int) -> None:
    refused_in_one_line(models["coded"].read_bytes()[:kept], tmp_path)


def refused_in_one_line(data: bytes, folder: Path) -> None:
    path = folder / "damaged.onnx"
    path.write_bytes(data)
    with pytest.raises(UserError) as refusal:
        Reader(path)
    assert "\n" not in str(refusal.value) and "damaged.onnx" in str(refusal.value)


@pytest.mark.parametrize("tail", [b"", b"x" * 100])
def test_a_file_that_does_not_end_with_its_checksum_is_refused(models: dict[str, Path], tmp_path: Path, tail: bytes) -> None:
    """Protobuf reads both: the last entry of the metadata is missing, or an unknown field follows it."""
    data = models["coded"].read_bytes()
    path = tmp_path / "end.onnx"
    path.write_bytes(data + tail if tail else data[: data.rindex(b"\x72\x11\x0a\x05crc32")])
    with pytest.raises(UserError, match=r"end\.onnx is damaged: it does not end with its checksum"):
        OnnxSession(path)
