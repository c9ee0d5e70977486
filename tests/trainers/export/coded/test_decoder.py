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

from trainers.export.coded import decoder
from trainers.export.coded.channels import ChannelCodes
from trainers.export.coded.decoder import ESCAPE_BYTES, CodedTensor, coded
from trainers.export.coded.rice import ESCAPED, best_form, pack
from trainers.export.coded.storing import STEP, code_tensor, decoder_bytes, step_of
from trainers.export.names import shorten
from trainers.export.onnx_file import IR_VERSION
from trainers.export.precision import how_stored, stored_bytes
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
    ((70,), ()),
]
"""Shapes and axes of channels: every kind of weight that a network has, one of a single number, one with many channels, and a
vector."""
KINDS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "constant": lambda rng, shape: np.full(shape, 0.3),
    "zero": lambda rng, shape: np.zeros(shape),
    "two values": lambda rng, shape: rng.choice([-1.0, 1.0], size=shape),
    "long tails": lambda rng, shape: rng.standard_cauchy(size=shape) * 10.0 ** rng.integers(-6, 6),
}


def weight(
    shape: tuple[int, ...], axes: tuple[int, ...], kind: str, seed: int = 0, name: str = "w", step: float = STEP
) -> CodedTensor:
    value = KINDS[kind](np.random.default_rng(seed), shape)
    return code_tensor(name, np.asarray(value, np.float32), axes, step)


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


@pytest.mark.parametrize("largest", [126, 127, 128, 40_000])
def test_codes_that_fit_a_byte_and_codes_that_do_not(largest: int) -> None:
    """Also that a weight of zero is not a negative one, which `assert_array_equal` would not see."""
    codes = np.array([[0, 1, -1, largest, -largest - 1], [0, 0, 2, -2, 0]])
    tensor = CodedTensor("w", (2, 5), (0,), 0.18, ChannelCodes(codes, np.array([-3, 9])))
    assert pack([(codes.ravel(), best_form(codes.ravel()))]).largest == 2 * largest + 1
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


def all_kinds(step: float = 0.8) -> list[CodedTensor]:
    """With a step of 0.8 one of the tensors is large enough for escapes."""
    shapes = [*SHAPES, ((200, 150), (0,))]
    return [weight(shape, axes, "normal", name=f"w{i}", step=step) for i, (shape, axes) in enumerate(shapes)]


@pytest.mark.parametrize(("step", "form"), [(0.05, 4), (0.18, 3), (0.5, 1), (0.8, ESCAPED), (1.2, 0)])
def test_the_graph_is_valid_at_opset_18_and_onnx_itself_computes_the_same(step: float, form: int) -> None:
    tensors = all_kinds(step)
    assert best_form(tensors[-1].channels.codes.ravel(), escape_bytes=ESCAPE_BYTES) == form
    model = model_of(tensors)
    onnx.checker.check_model(model, full_check=True)
    read = session(model).run(None, {})
    for found, same, tensor in zip(ReferenceEvaluator(model).run(None, {}), read, tensors, strict=True):
        np.testing.assert_array_equal(found, tensor.values())
        np.testing.assert_array_equal(same, tensor.values())


def test_escapes_are_in_a_file_only_where_they_save_more_than_their_nodes_take() -> None:
    for side, is_escaped in ((60, False), (250, True)):
        tensors = [weight((side, side), (0,), "normal", step=0.8), weight((70,), (), "normal", step=0.8, name="v")]
        assert sum(node.op_type == "Where" for node in coded(tensors)[1]) == 1 + is_escaped
        taken = bytes_of(tensors)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decoder, "ESCAPE_BYTES", float("inf") if is_escaped else -1e9)  # the other way
            assert bytes_of(tensors) > taken


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
    shapes = {"a": (64, 100), "b": (200, 120), "c": (200, 1, 3, 3), "d": (40, 30, 1, 1), "e": (300,)}
    tensors = [weight(shape, (0,)[: len(shape) - 1], "normal", name=name) for name, shape in shapes.items()]
    expected = decoder_bytes() + sum(stored_bytes(t.shape, t.axes, "coded" if t.axes else "vector") for t in tensors)
    assert bytes_of(tensors) == pytest.approx(expected, rel=0.02)


def bytes_of(tensors: Sequence[CodedTensor]) -> int:
    """What weights and their decoder take in a file."""
    model = model_of(tensors)
    shorten(model)
    return sum(field_bytes(part.ByteSize()) for part in (*model.graph.initializer, *model.graph.node))
