"""ONNX Runtime gives the coded weights bit for bit, decodes them when it opens the file, and leaves nothing of the decoder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from onnx.reference import ReferenceEvaluator

from trainers.export.coded.channels import ChannelCodes
from trainers.export.coded.decoder import CodedTensor, coded
from trainers.export.coded.rice import best_low_bits, pack
from trainers.export.coded.storing import code_tensor, coded_bytes, decoder_bytes, step_of
from trainers.export.names import shorten
from trainers.export.onnx_file import IR_VERSION
from trainers.export.precision import how_stored
from trainers.export.protobuf import field_bytes

SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((1, 1), (0,)),
    ((3, 7), (0,)),
    ((5, 9), (1,)),
    ((6, 4, 3, 3), (0,)),
    ((6, 1, 3, 3), (0,)),
    ((4, 3, 2, 2), (1,)),
    ((2, 12, 5), (0, 1)),
    ((300, 2), (0,)),
]
"""Shapes and axes of channels: every kind of weight that a network has, one of a single number, and one with many channels."""
KINDS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "constant": lambda rng, shape: np.full(shape, 0.3),
    "zero": lambda rng, shape: np.zeros(shape),
    "two values": lambda rng, shape: rng.choice([-1.0, 1.0], size=shape),
    "long tails": lambda rng, shape: rng.standard_cauchy(size=shape) * 10.0 ** rng.integers(-6, 6),
}


def weight(shape: tuple[int, ...], axes: tuple[int, ...], kind: str, seed: int = 0, name: str = "w") -> CodedTensor:
    value = KINDS[kind](np.random.default_rng(seed), shape)
    return code_tensor(name, np.asarray(value, np.float32), axes)


def model_of(tensors: Sequence[CodedTensor], opset: int = 18) -> Any:
    initialisers, nodes = coded(tensors)
    outputs = [helper.make_tensor_value_info(t.name, onnx.TensorProto.FLOAT, t.shape) for t in tensors]
    graph = helper.make_graph(nodes, "g", [], outputs, initialisers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION)


def session(model: Any, **options: Any) -> onnxruntime.InferenceSession:
    chosen = onnxruntime.SessionOptions()
    chosen.log_severity_level, chosen.intra_op_num_threads = 3, 1
    for name, value in options.items():
        setattr(chosen, name, value)
    return onnxruntime.InferenceSession(model.SerializeToString(), chosen, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("shape", "axes"), SHAPES, ids=str)
def test_a_tensor_of_any_kind_comes_back(shape: tuple[int, ...], axes: tuple[int, ...], kind: str) -> None:
    tensor = weight(shape, axes, kind)
    (found,) = session(model_of([tensor])).run(None, {})
    np.testing.assert_array_equal(found, tensor.values())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SHAPES), st.sampled_from(sorted(KINDS)), st.integers(0, 9)), min_size=1, max_size=7))
def test_many_tensors_come_back_each_as_itself(drawn: list[Any]) -> None:
    tensors = [weight(*shape, kind, seed, f"w{i}") for i, (shape, kind, seed) in enumerate(drawn)]
    for found, tensor in zip(session(model_of(tensors)).run(None, {}), tensors, strict=True):
        np.testing.assert_array_equal(found, tensor.values())


@pytest.mark.parametrize("largest", [127, 128, 40_000])
def test_codes_that_fit_a_byte_and_codes_that_do_not(largest: int) -> None:
    """Also that a weight of zero is not a negative one, which `assert_array_equal` would not see."""
    codes = np.array([[0, 1, -1, largest, -largest - 1], [0, 0, 2, -2, 0]])
    tensor = CodedTensor("w", (2, 5), (0,), 0.18, ChannelCodes(codes, np.array([-3, 9])))
    assert pack([(codes.ravel(), best_low_bits(codes.ravel()))]).largest == largest
    (found,) = session(model_of([tensor])).run(None, {})
    assert found.tobytes() == tensor.values().tobytes()


def test_tensors_without_weights_are_not_coded() -> None:
    for shape, axes in (((0,), None), ((0, 3), (0,)), ((3, 0), (0,)), ((4, 0, 3, 3), (0,))):
        assert how_stored(shape, axes, "coded") not in ("coded", "vector")


@pytest.mark.parametrize("outputs", range(1, 18))
def test_sizes_around_byte_borders(outputs: int) -> None:
    tensor = weight((outputs, 5), (0,), "normal")
    (found,) = session(model_of([tensor])).run(None, {})
    np.testing.assert_array_equal(found, tensor.values())


def all_kinds() -> list[CodedTensor]:
    return [weight(shape, axes, "normal", name=f"w{i}") for i, (shape, axes) in enumerate(SHAPES)]


def test_the_graph_is_valid_at_opset_18_and_onnx_itself_computes_the_same() -> None:
    model = model_of(all_kinds())
    onnx.checker.check_model(model, full_check=True)
    for found, tensor in zip(ReferenceEvaluator(model).run(None, {}), all_kinds(), strict=True):
        np.testing.assert_array_equal(found, tensor.values())


@pytest.mark.parametrize("level", ["ORT_ENABLE_BASIC", "ORT_ENABLE_ALL"])
def test_nothing_of_the_decoder_is_left_in_an_open_session(level: str, tmp_path: Path) -> None:
    path = tmp_path / "optimised.onnx"
    session(
        model_of(all_kinds()),
        graph_optimization_level=getattr(onnxruntime.GraphOptimizationLevel, level),
        optimized_model_filepath=str(path),
    )
    assert not onnx.load(path).graph.node


def test_a_runtime_that_does_not_fold_constants_computes_the_same() -> None:
    off = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    for found, tensor in zip(
        session(model_of(all_kinds()), graph_optimization_level=off).run(None, {}), all_kinds(), strict=True
    ):
        np.testing.assert_array_equal(found, tensor.values())


def test_the_values_are_the_weights_half_a_step_off_at_most() -> None:
    value = np.random.default_rng(0).normal(size=(6, 70)).astype(np.float32)
    sizes = np.sqrt(np.square(value).mean(axis=1, keepdims=True))
    assert (np.abs(code_tensor("w", value, (0,)).values() - value) < 0.55 * step_of(value.shape) * sizes).all()


def test_bytes_are_about_what_is_expected() -> None:
    shapes = {"a": (64, 100), "b": (200, 120), "c": (200, 1, 3, 3), "d": (40, 30, 1, 1)}
    tensors = [weight(shape, (0,), "normal", name=name) for name, shape in shapes.items()]
    model = model_of(tensors)
    shorten(model)
    taken = sum(field_bytes(part.ByteSize()) for part in (*model.graph.initializer, *model.graph.node))
    assert taken == pytest.approx(decoder_bytes() + sum(coded_bytes(t.shape, t.axes) for t in tensors), rel=0.02)
