"""A plain file has the weights of the file that it was made from, to the bit, and none of the nodes that decode them."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from search_space.recognizer import build_recognizer
from testing.random_weights import randomize_vectors
from testing.small_model import SMALL, SYMBOLS, small_model_metadata
from trainers.base.errors import UserError
from trainers.export.onnx_file import graph_of, write
from trainers.export.plain import plain_graph, write_plain
from trainers.inference.onnx_session import OnnxSession
from trainers.inference.reader import Reader

FORMS = ("fp32", "fp16", "int8", "coded", "coded_50")
IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 3, 32, 128)).astype(np.float32)
ORT = onnxruntime.GraphOptimizationLevel


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models")
    graph = graph_of(randomize_vectors(build_recognizer(SMALL, len(SYMBOLS))), 32)
    return {p: write(graph, folder / f"{p}.onnx", small_model_metadata(SMALL.with_(precision=p)), p) for p in FORMS}


def logits(path: Path, level: onnxruntime.GraphOptimizationLevel) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level, options.intra_op_num_threads = level, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"images": IMAGES})[0]


@pytest.mark.parametrize("precision", FORMS)
def test_a_plain_file_computes_the_same_and_has_the_nodes_of_an_fp32_file(
    models: dict[str, Path], precision: str, tmp_path: Path
) -> None:
    plain = write_plain(models[precision], tmp_path / "plain.onnx")
    np.testing.assert_array_equal(OnnxSession(plain).run(IMAGES), OnnxSession(models[precision]).run(IMAGES))
    found, expected = (onnx.load(path).graph for path in (plain, models["fp32"]))
    assert [node.op_type for node in found.node] == [node.op_type for node in expected.node]
    assert plain.stat().st_size == pytest.approx(models["fp32"].stat().st_size, abs=20)
    onnx.checker.check_model(onnx.load(plain), full_check=True)
    assert Reader(plain).metadata == Reader(models["fp32"]).metadata, "also the digest is that of the fp32 architecture"


@pytest.mark.parametrize("plain", ["fp32", "fp16"])
def test_it_computes_the_same_with_and_without_graph_optimisation(models: dict[str, Path], plain: str, tmp_path: Path) -> None:
    path = write_plain(models["coded"], tmp_path / "plain.onnx", plain)
    assert OnnxSession(path).metadata["precision"] == plain
    np.testing.assert_allclose(logits(path, ORT.ORT_DISABLE_ALL), logits(path, ORT.ORT_ENABLE_ALL), atol=1e-4)


def test_a_plain_fp32_file_is_the_fp32_file(models: dict[str, Path], tmp_path: Path) -> None:
    plain = write_plain(models["fp32"], tmp_path / "plain.onnx")
    assert plain.read_bytes() == models["fp32"].read_bytes()


def test_a_file_can_be_coded_again(models: dict[str, Path], tmp_path: Path) -> None:
    metadata = small_model_metadata(SMALL.with_(precision="coded"))
    again = write(plain_graph(models["fp32"]), tmp_path / "again.onnx", metadata, "coded")
    assert again.read_bytes() == models["coded"].read_bytes()


def test_what_cannot_be_converted_is_refused_in_one_line(models: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="fp32 or fp16, not int8"):
        write_plain(models["coded"], tmp_path / "plain.onnx", "int8")
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(models["coded"].read_bytes()[:-40])
    with pytest.raises(UserError):
        write_plain(damaged, tmp_path / "plain.onnx")
    assert not (tmp_path / "plain.onnx").exists()
