"""Weights stored in fewer bytes come back close to what they were, and the file says how many bytes that takes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from search_space.architecture import Architecture
from search_space.recognizer import build_recognizer
from testing.random_weights import randomize_vectors
from testing.small_model import SYMBOLS, small_model_metadata
from trainers.base.lineage import Ancestor, Lineage
from trainers.export import int4_packing
from trainers.export.inventory import weights_of
from trainers.export.names import shorten
from trainers.export.onnx_file import export
from trainers.export.precision import CAST_BYTES, MUL_BYTES, how_stored, quantize, store, stored_bytes
from trainers.export.protobuf import field_bytes, tensor_bytes
from trainers.export.size_estimate import estimate_bytes, expected_metadata, framed_bytes, weight_bytes
from trainers.inference.model_metadata import encode_metadata
from trainers.inference.onnx_session import OnnxSession


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models")
    recognizer = randomize_vectors(build_recognizer(Architecture(width_percent=50), len(SYMBOLS)))
    return {p: export(recognizer, folder / f"{p}.onnx", small_model_metadata(), p) for p in ("fp32", "fp16", "int8")}


def test_fewer_bits_give_fewer_bytes(models: dict[str, Path]) -> None:
    size = {p: path.stat().st_size for p, path in models.items()}
    assert size["fp16"] < 0.56 * size["fp32"]
    assert size["int8"] < 0.35 * size["fp32"]


@pytest.mark.parametrize(("precision", "tolerance"), [("fp16", 0.002), ("int8", 0.05)])
def test_stored_weights_compute_nearly_the_same(models: dict[str, Path], precision: str, tolerance: float) -> None:
    images = np.random.default_rng(0).uniform(-1, 1, (2, 3, 32, 128)).astype(np.float32)
    expected, found = (OnnxSession(models[p]).run(images) for p in ("fp32", precision))
    assert np.abs(found - expected).max() < tolerance * np.abs(expected).max()


def test_every_weight_of_an_int8_file_is_stored_as_the_rule_says(models: dict[str, Path]) -> None:
    """Recurrent layers and heads included: no large fp32 tensor is left."""
    graph = onnx.load(models["int8"]).graph
    types = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.INT8, onnx.TensorProto.INT64}
    assert {t.data_type for t in graph.initializer} <= types
    left = [t for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    scales = {name for n in graph.node if n.op_type == "Mul" for name in n.input}
    assert all(t.name in scales or np.prod(t.dims) * 2 <= CAST_BYTES + 2 for t in left)


def test_every_int8_channel_is_half_a_step_off_at_most() -> None:
    weight = np.random.default_rng(1).normal(size=(2, 12, 7)).astype(np.float32)
    weight[0, 3] = 0.0
    codes, scales = quantize(weight, (0, 1))
    assert codes.dtype == np.int8 and scales.shape == (2, 12, 1)
    assert (np.abs(codes * scales - weight) <= scales / 2 + 1e-7).all()


@pytest.mark.parametrize("shape", [(16,), (120, 3), (1000, 1, 5, 5), (2, 144, 48), (3938, 96), (64, 64, 3, 3)])
def test_bytes_of_tensors_and_nodes_are_computed_to_the_byte(shape: tuple[int, ...]) -> None:
    for item_bytes, kind in ((4, np.float32), (2, np.float16), (1, np.int8)):
        graph = onnx.GraphProto()
        tensor = numpy_helper.from_array(np.zeros(shape, kind), "ab")
        graph.initializer.append(tensor)
        assert graph.ByteSize() == tensor_bytes(shape, item_bytes)
    cast = onnx.helper.make_node("Cast", ["ab"], ["cd"], to=1)
    assert field_bytes(cast.ByteSize()) == CAST_BYTES
    assert field_bytes(onnx.helper.make_node("Mul", ["ab", "cd"], ["ef"]).ByteSize()) == MUL_BYTES


def test_small_tensors_stay_as_they_are() -> None:
    assert how_stored((8,), None, "int8") == "fp32"
    assert how_stored((64,), None, "int8") == "fp16"
    assert how_stored((64, 64, 1, 1), (0,), "int8") == "int8"
    assert how_stored((64, 64, 1, 1), (0,), "fp16") == "fp16"
    assert stored_bytes((64, 64, 1, 1), (0,), "int8") < stored_bytes((64, 64, 1, 1), (0,), "fp16")


MANY = Architecture(width_percent=25, encoder_layers=1)
"""With 1,500 symbols its head is wide enough for four bits."""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("many")
    recognizer = randomize_vectors(build_recognizer(MANY, 1500))
    metadata = expected_metadata(MANY, 1500)
    return {p: export(recognizer, folder / f"{p}.onnx", metadata, p) for p in ("fp32", "int8", "int4")}


def test_a_wide_head_takes_half_its_bytes_in_four_bits(many: dict[str, Path]) -> None:
    size = {p: path.stat().st_size for p, path in many.items()}
    assert estimate_bytes(MANY.with_(precision="int4"), 1500) == pytest.approx(size["int4"], rel=1e-3)
    assert size["int8"] - size["int4"] > 0.4 * 96 * 1501


def test_four_bits_compute_nearly_the_same_and_nothing_is_turned_back_with_every_line(
    many: dict[str, Path], tmp_path: Path
) -> None:
    images = np.random.default_rng(0).uniform(-1, 1, (2, 3, 32, 128)).astype(np.float32)
    expected, found = (OnnxSession(many[p]).run(images) for p in ("fp32", "int4"))
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    onnxruntime.InferenceSession(many["int4"], options, providers=["CPUExecutionProvider"])
    left = {node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node}
    assert not left & {"BitShift", "BitwiseAnd", "Cast"}


@pytest.mark.parametrize(("shape", "axes"), [((96, 1501), (1,)), ((1500, 49), (0,)), ((1001, 48), (0,)), ((97, 1500), (1,))])
def test_half_bytes_come_back_and_take_the_bytes_that_were_told(shape: tuple[int, int], axes: tuple[int]) -> None:
    """Every weight is at most half a step off, or cut off at a place that leaves a smaller error on the whole."""
    weight = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    codes, scales = int4_packing.quantize(weight, axes)
    restored = ((codes.astype(np.float32) - 8) * scales.astype(np.float32)).reshape(shape)
    assert codes.max() <= 15 and np.square(restored - weight).mean() < 0.02 * np.square(weight).mean()
    tensors, nodes = int4_packing.packed("ab", weight, axes)
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [], [], tensors))
    shorten(model)
    bytes_of_it = sum(field_bytes(each.ByteSize()) for each in (*model.graph.initializer, *model.graph.node))
    assert bytes_of_it == int4_packing.packed_bytes(shape, axes)


def test_int4_is_for_wide_matrices_alone() -> None:
    assert how_stored((3939, 96), (0,), "int4") == "int4"
    assert how_stored((96, 3939), (1,), "int4") == "int4"
    assert how_stored((3939, 96), (0,), "int8") == "int8"
    assert how_stored((500, 96), (0,), "int4") == "int8"
    assert how_stored((2, 1200, 96), (0, 1), "int4") == "int8"


def test_a_weight_beyond_fp16_stays_fp32(tmp_path: Path) -> None:
    recognizer = build_recognizer(Architecture(width_percent=25), len(SYMBOLS))
    with torch.no_grad():
        recognizer.encoder.rnn.weight_ih_l0.mul_(1e6)  # type: ignore[union-attr]
    path = export(recognizer, tmp_path / "huge.onnx", small_model_metadata(), "fp16")
    assert np.isfinite(OnnxSession(path).run(np.zeros((1, 3, 32, 64), np.float32))).all()


def test_variances_that_the_network_divides_by_are_not_coded() -> None:
    """A norm that no layer takes in: one of its variances is a thousandth of the others, which a code would round to 0."""
    values = {name: np.ones(200, dtype=np.float32) for name in ("scale", "shift", "mean", "variance")}
    values["variance"][::2] = 1e-3
    weights = [numpy_helper.from_array(value, name) for name, value in values.items()]
    shape = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 200, 4]) for name in ("x", "y")]
    norm = helper.make_node("BatchNormalization", ["x", *values], ["y"])
    graph = helper.make_graph([norm], "norm", shape[:1], shape[1:], weights)
    store(graph, "coded_70")
    kept = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    (variance,) = (value for name, value in kept.items() if name.startswith("variance"))
    np.testing.assert_allclose(variance, values["variance"], rtol=1e-3)
    assert not any(name.startswith("scale") for name in kept), "which the code has"


def test_variances_of_a_norm_that_is_not_folded_are_estimated_as_they_are_stored() -> None:
    alone = nn.Sequential(nn.ReLU(), nn.BatchNorm1d(200))
    assert [weight.divides for weight in weights_of(alone)] == [False, False, False, True]
    plain, divided = (weight_bytes(weight, "coded") for weight in list(weights_of(alone))[2:])
    assert divided == stored_bytes((200,), None, "fp16") > plain


@pytest.mark.parametrize("parent", ["starter", "study 看板文字識別, trial 1234", "a-name-that-somebody-gave-to-a-file" * 3])
def test_whatever_its_parent_is_called_a_file_has_the_estimated_bytes(parent: str) -> None:
    expected = expected_metadata(Architecture(), 10, inherits=True)
    named = replace(expected, lineage=Lineage.of(0.9876, Ancestor(parent, None, 1234, 5)).scalars)
    assert framed_bytes(1000, named, "fp32") == framed_bytes(1000, expected, "fp32")
    kept = json.loads(encode_metadata(named, "fp32", {})["lineage"])["parent"]
    assert kept == parent or (parent.startswith(kept[:-1]) and kept.endswith("…"))
