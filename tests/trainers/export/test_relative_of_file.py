"""A network out of its file computes what the file does, and another one can inherit from it."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from search_space.architecture import Architecture
from search_space.blocks import ConvBnAct
from search_space.necks.fpn_d import Inception
from search_space.recognizer import Recognizer
from testing.relatives import SMALL, fresh, trained
from testing.striped_lines import SYMBOLS, striped_lines
from testing.tiers import slow_after
from trainers.base.errors import UserError
from trainers.export.onnx_file import export
from trainers.export.relative_of_file import relative_of_file
from trainers.inference.model_metadata import ModelMetadata
from trainers.inference.onnx_session import OnnxSession
from trainers.inherit.inherit import inherit
from trainers.pruning.mask import cut_away
from trainers.pruning.recalibrate import image_batches, recalibrate
from trainers.pruning.torch_pruning_adapter import PruningGraph

CHARSET = tuple(SYMBOLS)
LINES = striped_lines(24, 0)

NETWORKS: tuple[dict[str, Any], ...] = (
    {},
    {"neck": "fpn_a", "attention": "coordinate", "encoder": "svtr", "encoder_hidden": 32, "precision": "int8"},
    {"backbone": "lcnet", "neck": "fpn_d", "attention": "eca", "encoder": "lstm", "encoder_layers": 2, "precision": "fp16"},
    {"encoder": "none", "head": "attention", "head_rank": 16, "rectifier": "tps", "precision": "int8"},
    {"backbone": "mobilenetv3_large", "head": "ctc_low_rank", "head_rank": 16, "auxiliary": "attention_guide"},
    {"backbone": "timm/mobilenetv3_small_100", "precision": "coded"},
)


def written(recognizer: Recognizer, architecture: Architecture, path: Path) -> Path:
    """The file of a network."""
    metadata = ModelMetadata(
        CHARSET,
        "none",
        architecture.height_px,
        architecture.time_stride,
        architecture.as_dict(),
        architecture.digest,
        "0" * 16,
        recognizer.head.decoding,
        "even",
    )
    return export(recognizer, path, metadata, architecture.precision)


def settled(architecture: Architecture) -> Recognizer:
    """A network whose statistics are those of the lines."""
    recognizer = trained(architecture, len(CHARSET))
    recognizer.contrast = "even"
    recalibrate(recognizer, LINES, 0)
    return recognizer


def same_as_file(recognizer: Recognizer, path: Path) -> None:
    images = torch.rand(2, 3, 32, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = OnnxSession(path).run(images.numpy())
    with torch.no_grad():
        found = recognizer(images).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * float(np.abs(expected).max()))


@pytest.mark.parametrize(
    "fields", slow_after(2, NETWORKS, thorough=3), ids=lambda fields: "-".join(map(str, fields.values())) or "default"
)
def test_a_network_is_taken_out_of_its_file(fields: dict[str, Any], tmp_path: Path) -> None:
    architecture = SMALL.with_(**fields)
    path = written(settled(architecture), architecture, tmp_path / "model.onnx")
    relative = relative_of_file(path, LINES)
    assert relative.architecture == architecture and relative.charset == CHARSET
    network = relative.network()
    same_as_file(network, path)
    child = fresh(architecture.with_(auxiliary="none"), len(CHARSET))
    assert inherit(child, CHARSET, relative).share == 1
    same_as_file(child, path)


@pytest.mark.parametrize("neck", ["fpn_a", "fpn_d"])
def test_a_file_with_a_neck_of_its_first_version_has_the_same_weights(neck: str, tmp_path: Path) -> None:
    """There all activations of a neck were h-swish, and FPN-D had one for the sum of its branches."""
    architecture = SMALL.with_(neck=neck)
    recognizer = settled(architecture)
    former = copy.deepcopy(recognizer)
    assert former.neck is not None
    branches = {branch for module in former.neck.modules() if isinstance(module, Inception) for branch in module.branches}
    for module in former.neck.modules():
        if isinstance(module, ConvBnAct):
            module.activation = nn.Identity() if module in branches else nn.Hardswish()
        if isinstance(module, Inception):
            module.register_forward_hook(lambda _module, _inputs, out: F.hardswish(out))
    now, before = (
        relative_of_file(written(network, architecture, tmp_path / f"{number}.onnx"), LINES).network()
        for number, network in enumerate((recognizer, former))
    )
    for (name, a), (_, b) in zip(now.named_parameters(), before.named_parameters(), strict=True):
        if name.endswith("conv.weight"):
            torch.testing.assert_close(a, b, msg=name)


def test_norms_have_the_statistics_of_the_lines(tmp_path: Path) -> None:
    """A file holds none. With them, training begins near what the folded norms computed."""
    lines = striped_lines(24, 0, letters=(2, 2))  # of one width, so one batch
    path = written(settled(SMALL), SMALL, tmp_path / "model.onnx")
    network = relative_of_file(path, lines, 0).network()
    network.contrast = "even"
    seen: dict[_BatchNorm, Tensor] = {}
    for norm in (module for module in network.modules() if isinstance(module, _BatchNorm)):
        norm.register_forward_pre_hook(lambda norm, given: seen.update({norm: given[0].transpose(0, 1).flatten(1)}))
    with torch.no_grad():
        for images in image_batches(network, lines, 0):
            network(images)
    assert len(seen) > 30
    for norm, values in seen.items():
        assert norm.running_mean is not None and norm.running_var is not None
        torch.testing.assert_close(norm.running_mean, values.mean(1), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(norm.running_var, values.var(1), rtol=1e-3, atol=1e-5)
    assert len({round(float(norm.weight.detach().abs().mean()), 4) for norm in seen}) > 30


def test_a_pruned_file_has_a_smaller_network(tmp_path: Path) -> None:
    architecture = SMALL.with_(width_percent=50, prune_percent=40, prune_criterion="l1", precision="int8")
    recognizer = settled(architecture)
    cut_away(recognizer, {g.name: g.channels // 3 for g in PruningGraph(copy.deepcopy(recognizer)).groups()}, "l1")
    path = written(recognizer, architecture, tmp_path / "model.onnx")
    relative = relative_of_file(path, LINES)
    same_as_file(relative.network(), path)
    assert 0.3 < inherit(fresh(architecture, len(CHARSET)), CHARSET, relative).share < 1


def test_what_cannot_be_taken_apart_is_said(tmp_path: Path) -> None:
    architecture = SMALL.with_(activation="acon_c")
    path = written(settled(architecture), architecture, tmp_path / "model.onnx")
    with pytest.raises(UserError, match=r"cannot be taken apart .*; begin with its checkpoint instead"):
        relative_of_file(path, LINES)
    other = written(settled(SMALL), SMALL.with_(encoder="lstm"), tmp_path / "wrong.onnx")
    with pytest.raises(UserError, match=r"another version of Paretext or torch wrote it|instead of"):
        relative_of_file(other, LINES)
    tall_one = SMALL.with_(height_px=48)
    tall = written(trained(tall_one, len(CHARSET)), tall_one, tmp_path / "tall.onnx")
    with pytest.raises(UserError, match="reads lines of 48 px, not 32"):
        relative_of_file(tall, LINES)


@pytest.mark.parametrize(("field", "value"), [("backbone", 5), ("height_px", 32.0), ("height_px", 48), ("head", [1])])
def test_a_strangers_description_of_the_network_is_refused(field: str, value: object, tmp_path: Path) -> None:
    path = written(settled(SMALL), SMALL, tmp_path / "model.onnx")
    model = onnx.load(path)
    (entry,) = (entry for entry in model.metadata_props if entry.key == "architecture")
    entry.value = json.dumps(json.loads(entry.value) | {field: value})
    onnx.save(model, path)
    with pytest.raises(UserError, match=r"cannot be built|reads lines of 32 px"):
        relative_of_file(path, LINES)
