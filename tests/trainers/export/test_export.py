"""The exported file computes what the network computes, has its metadata, and is the same for the same weights."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from search_space.recognizer import build_recognizer
from search_space.rules import PRECISIONS
from testing.random_weights import randomize_vectors
from testing.small_model import SMALL, SYMBOLS, small_model_metadata
from trainers.base.errors import UserError
from trainers.export.onnx_file import INPUT, export
from trainers.inference.model_metadata import decode_metadata
from trainers.inference.onnx_session import OnnxSession


@pytest.fixture(scope="module")
def recognizer() -> nn.Module:
    torch.manual_seed(0)
    return randomize_vectors(build_recognizer(SMALL, len(SYMBOLS)))


@pytest.fixture(scope="module")
def model(recognizer: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(recognizer, tmp_path_factory.mktemp("models") / "small.onnx", small_model_metadata())


@pytest.mark.parametrize(("images", "width_px"), [(1, 96), (3, 320)])
def test_file_computes_what_the_network_computes(recognizer: nn.Module, model: Path, images: int, width_px: int) -> None:
    batch = torch.rand(images, 3, 32, width_px) * 2 - 1
    with torch.no_grad():
        expected = recognizer(batch).numpy()
    np.testing.assert_allclose(OnnxSession(model).run(batch.numpy()), expected, atol=1e-4)


def test_file_is_valid_and_its_shapes_can_be_inferred(model: Path) -> None:
    loaded = onnx.load(model)
    onnx.checker.check_model(loaded, full_check=True)
    onnx.shape_inference.infer_shapes(loaded, strict_mode=True, data_prop=True)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_same_weights_give_the_same_bytes(recognizer: nn.Module, precision: str, tmp_path: Path) -> None:
    first, again = (
        export(recognizer, tmp_path / f"{name}.onnx", small_model_metadata(), precision) for name in ("first", "again")
    )
    assert again.read_bytes() == first.read_bytes()


def test_export_leaves_the_network_as_it_is(recognizer: nn.Module, tmp_path: Path) -> None:
    recognizer.train()
    before = {name: value.clone() for name, value in recognizer.state_dict().items()}
    export(recognizer, tmp_path / "model.onnx", small_model_metadata())
    assert recognizer.training
    assert all(torch.equal(value, before[name]) for name, value in recognizer.state_dict().items())
    recognizer.eval()


def test_norms_are_folded_and_nothing_is_left_for_a_person_to_read(model: Path) -> None:
    graph = onnx.load(model).graph
    assert not [n for n in graph.node if n.op_type in ("BatchNormalization", "Constant", "Identity", "Dropout", "If")]
    assert not any(n.name or n.doc_string for n in graph.node)
    names = [name for n in graph.node for name in (*n.input, *n.output) if name not in ("", "images", "logits")]
    assert max(map(len, names)) == 2


def test_metadata_comes_back(model: Path) -> None:
    properties = OnnxSession(model).metadata
    assert decode_metadata(properties, "small") == small_model_metadata()
    assert set(json.loads(properties["versions"])) == {"paretext", "torch", "onnx"}


def test_nothing_but_the_file_is_left(model: Path) -> None:
    assert [path.name for path in model.parent.iterdir()] == ["small.onnx"]


def test_a_later_format_is_refused() -> None:
    with pytest.raises(UserError, match=r"later\.onnx is not a model of paretext: its format is 'paretext-9'"):
        decode_metadata({"format": "paretext-9"}, "later.onnx")


def test_zero_states_of_recurrent_layers_are_not_written(model: Path) -> None:
    recurrent = [n for n in onnx.load(model).graph.node if n.op_type == "GRU"]
    assert recurrent and all(len(n.input) == 4 for n in recurrent)


def test_batch_and_width_are_open_in_the_file(model: Path) -> None:
    image = next(i for i in onnx.load(model).graph.input if i.name == INPUT)
    assert [d.dim_param or d.dim_value for d in image.type.tensor_type.shape.dim] == ["n", 3, 32, "w"]
