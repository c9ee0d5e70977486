"""timm models as backbones: what is built is what the contract promises, and what cannot work is refused with the reason."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from search_space import Architecture, RefusedArchitecture
from search_space.backbones._text_strides import Unfit, layout_for, record
from search_space.backbones._timm_checked import AT_FULL_WIDTH, CHECKED, WITH_WIDTHS
from search_space.backbones._timm_verdicts import reason_against
from search_space.backbones._timm_widths import has_widths
from search_space.backbones.timm import TimmBackbone, facts_of, layout_of
from search_space.contracts import BackboneRequest, Tap
from search_space.fusing import fuse
from search_space.recognizer import Recognizer, build_recognizer
from search_space.timm_adapter import model_names
from testing.random_weights import randomize_vectors
from testing.tiers import thorough_but_every
from trainers.export.onnx_file import export
from trainers.export.size_estimate import expected_metadata
from trainers.pruning.mask import cut_away
from trainers.pruning.torch_pruning_adapter import PruningGraph

TAPS: tuple[Tap, ...] = ("none", "first", "last")
GEOMETRIES = ((32, 4), (32, 8), (48, 4), (48, 8), (48, 12), (64, 4), (64, 8))


def on_meta(name: str, width_percent: int = 100, tap: Tap = "none", height: int = 32, stride: int = 4) -> TimmBackbone:
    """The backbone without numbers."""
    with torch.device("meta"):
        request = BackboneRequest(f"timm/{name}", width_percent, "none", "standard", tap, height, stride)
        return TimmBackbone(request).eval()


def weights(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def assert_promises(backbone: TimmBackbone, height: int, stride: int) -> None:
    """Maps of two widths are those that the attributes promise."""
    for count, width in ((1, 192), (2, 480)):
        with torch.no_grad():
            maps = backbone(torch.empty(count, 3, height, width, device="meta"))
        columns = width * backbone.pool_width // stride
        promised = zip(backbone.level_channels, backbone.level_heights, strict=True)
        assert [tuple(m.shape) for m in maps] == [(count, c, h, columns) for c, h in promised]
    assert all(h % backbone.level_heights[-1] == 0 for h in backbone.level_heights)


@pytest.mark.parametrize("index", range(len(CHECKED)))
def test_checked_models_keep_their_promises(index: int) -> None:
    """Each at another geometry and tap; the slow and the thorough tier have three more of each."""
    name, (height, stride), tap = CHECKED[index], GEOMETRIES[index % len(GEOMETRIES)], TAPS[index % len(TAPS)]
    assert_promises(on_meta(name, 100, tap, height, stride), height, stride)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", thorough_but_every(4, CHECKED))
def test_checked_models_keep_their_promises_at_other_geometries(name: str) -> None:
    """Each model has three taps and, if it may, three widths, at three geometries, which differ from model to model."""
    widths = (25, 100, 125) if name in WITH_WIDTHS else (100,)
    first = CHECKED.index(name)
    for number in range(first, first + len(TAPS)):
        height, stride = GEOMETRIES[number * len(TAPS) % len(GEOMETRIES)]
        width_percent, tap = widths[number % len(widths)], TAPS[(number + first // len(TAPS)) % len(TAPS)]
        assert_promises(on_meta(name, width_percent, tap, height, stride), height, stride)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", thorough_but_every(4, CHECKED, 1))
def test_checked_models_pass_what_all_others_are_asked(name: str) -> None:
    """Naming a checked model is free because of this test; every other one is asked for a narrow network, or for a wide one."""
    assert name in model_names()
    assert has_widths(name) == (name in WITH_WIDTHS)
    width_percent, tap, height, stride = ((60, "first", 48, 12), (110, "last", 64, 8))[CHECKED.index(name) % 2]
    percent = 100 if name in AT_FULL_WIDTH else width_percent
    assert reason_against(name, percent, tap, height, stride) is None  # type: ignore[arg-type]


def read_by_onnx(recognizer: Recognizer, images: torch.Tensor, folder: Any) -> torch.Tensor:
    """Logits of the exported file."""
    path = export(recognizer, folder / "model.onnx", expected_metadata(recognizer.architecture, 7))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return torch.from_numpy(np.asarray(session.run(None, {"images": images.numpy()})[0]))


def assert_trains_merges_and_exports(name: str, folder: Any) -> None:
    """Gradients reach every weight, merged branches and the file compute the same, at another batch and width."""
    torch.manual_seed(0)
    architecture = Architecture(backbone=f"timm/{name}", attention="none", encoder="none", time_stride=8)
    recognizer = build_recognizer(architecture, 7)
    recognizer.losses(torch.randn(2, 3, 32, 64), torch.tensor([[1, 2], [3, 0]]), torch.tensor([2, 1])).sum().backward()
    assert [n for n, p in recognizer.named_parameters() if p.grad is None] == []
    randomize_vectors(recognizer)
    images = torch.rand(3, 3, 32, 160) * 2 - 1
    with torch.no_grad():
        expected = recognizer(images)
        merged = fuse(recognizer)(images)
    close = 1e-4 * max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(merged, expected, atol=close, rtol=0)
    torch.testing.assert_close(read_by_onnx(recognizer, images, folder), expected, atol=close, rtol=0)


@pytest.mark.parametrize("name", ["repghostnet_100", "starnet_s050"])
@pytest.mark.filterwarnings("ignore")
def test_a_model_trains_merges_and_exports(name: str, tmp_path: Any) -> None:
    assert_trains_merges_and_exports(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", thorough_but_every(4, CHECKED, 2))
@pytest.mark.filterwarnings("ignore")
def test_every_checked_model_trains_merges_and_exports(name: str, tmp_path: Any) -> None:
    assert_trains_merges_and_exports(name, tmp_path)


def test_branches_merge_after_channels_have_been_cut() -> None:
    """timm's MobileOne keeps the number of groups that a depthwise layer had before."""
    architecture = Architecture(backbone="timm/mobileone_s0", encoder_hidden=8, prune_percent=50, prune_criterion="l1")
    recognizer = randomize_vectors(build_recognizer(architecture, 5)).eval()
    groups = PruningGraph(copy.deepcopy(recognizer)).groups()
    cut_away(recognizer, {group.name: group.channels // 3 for group in groups}, "l1")
    images = torch.rand(2, 3, 32, 64)
    with torch.no_grad():
        expected = recognizer.eval()(images)
        torch.testing.assert_close(fuse(recognizer)(images), expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", ["mobileone_s0", "repvit_m0_9"])
def test_merged_branches_weigh_less(name: str) -> None:
    backbone = on_meta(name)
    before = weights(backbone)
    assert weights(backbone.fused_for_export()) < before
    assert weights(backbone.fused_for_export()) < before, "merging twice is merging once"


@pytest.mark.parametrize("name", WITH_WIDTHS)
def test_wider_ones_have_more_weights(name: str) -> None:
    sizes = [weights(on_meta(name, percent)) for percent in (25, 100, 125)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("name", ["hgnetv2_b0", "mobilenetv3_large_100", "repvit_m0_9"])
def test_stages_behind_the_levels_of_a_neck_are_not_built(name: str) -> None:
    first, last = on_meta(name, tap="first", height=48), on_meta(name, tap="last", height=48)
    assert weights(first) < 0.6 * weights(last)
    assert first.level_heights == (12, 6, 3)
    assert last.level_heights == (6, 3, 3)


def test_attention_is_put_on_the_levels() -> None:
    sizes = {}
    for attention in ("none", "eca", "coordinate"):
        with torch.device("meta"):
            request = BackboneRequest("timm/lcnet_050", 100, attention, "standard", "last", 32, 4)
            sizes[attention] = weights(TimmBackbone(request))
    assert sizes["none"] < sizes["eca"] < sizes["coordinate"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("lcnet_10", r" has no model 'lcnet_10'; did you mean 'lcnet_.*'\?"),
        ("vit_tiny_patch16_224", "does not run on 32 px high lines of any width .*doesn't match model"),
        ("mambaout_femto", r"gives maps of .* where \(N, C, H, W\) must be"),
        ("ese_vovnet19b_slim_dw", r"gives maps of .* where \(N, C, H, W\) must be"),
        ("mobilevit_xxs", "cannot be exported for every width: its shapes are fixed"),
        ("csatv2", "some of its strides are not layers"),
        ("convnext_xxlarge", "has 8.. M weights; backbones have 100 M at most"),
    ],
)
def test_what_cannot_read_lines_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(RefusedArchitecture, match=f"timm.*{reason}") as refusal:
        Architecture(backbone=f"timm/{name}")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["hgnetv2_b0", "resnet18"])
def test_a_family_without_a_width_multiplier_has_one_width(name: str) -> None:
    assert Architecture(backbone=f"timm/{name}").width_percent == 100
    with pytest.raises(RefusedArchitecture, match=f"timm/{name} has no width multiplier; use width_percent 100"):
        Architecture(backbone=f"timm/{name}", width_percent=50)


def test_a_model_that_nobody_listed_is_looked_at_and_used() -> None:
    recognizer = build_recognizer(Architecture(backbone="timm/resnet18", height_px=48, time_stride=12, encoder="none"), 7)
    assert recognizer.eval()(torch.zeros(1, 3, 48, 96)).shape == (1, 8, 8)


def test_activations_are_the_models_own() -> None:
    assert Architecture(backbone="timm/lcnet_100", activation="acon_c") == Architecture(backbone="timm/lcnet_100")


def test_naming_a_checked_model_imports_neither_torch_nor_timm() -> None:
    code = (
        "import sys; from search_space import Architecture;"
        "Architecture(backbone='timm/lcnet_100', width_percent=35);"
        "sys.exit(bool({'torch', 'timm'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TwoWays(nn.Module):
    """Halves in a convolution and, beside it, in a pooling; then once more by a patch of 2 x 2."""

    def __init__(self, hidden: bool = False) -> None:
        super().__init__()
        self.hidden = hidden
        self.stem = nn.Conv2d(3, 4, 4, 4)
        self.main = nn.Conv2d(4, 4, 3, 2, 1)
        self.beside = nn.AvgPool2d(2, 2)
        self.patch = nn.Conv2d(4, 4, 2, 2)
        self.unused = nn.Linear(3, 3)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        x = self.stem(images)
        x = self.main(x) + self.beside(x)
        if self.hidden:
            x = x[..., ::2]
        return [self.patch(x)]


def test_parallel_strides_are_changed_alike() -> None:
    with torch.device("meta"):
        recording = record(TwoWays())
    assert [layer.divided for layer in recording.layers] == [(1, 1), (4, 4), (4, 4), (8, 8)]
    assert recording.unreached == ("unused",)
    changes = {c.path: (c.kernel, c.stride) for c in layout_for(recording, 48, 4).changes}
    assert changes == {
        "main": (None, (2, 1)),
        "beside": ((2, 1), (2, 1)),
        "patch": ((2, 1), (2, 1)),
    }, "12 rows to 6 to 3"
    changes = {c.path: (c.kernel, c.stride) for c in layout_for(recording, 24, 8).changes}
    assert changes == {"patch": ((1, 1), (1, 1))}, "three rows are not halved"
    assert {c.path: c.stride for c in layout_for(recording, 32, 2).changes}["stem"] == (4, 2)


def test_strides_hidden_in_code_are_found_out() -> None:
    with torch.device("meta"):
        recording = record(TwoWays(hidden=True))
    with pytest.raises(Unfit, match="not layers"):
        layout_for(recording, 32, 4)


def test_one_recording_serves_all() -> None:
    assert facts_of("lcnet_050") is facts_of("lcnet_050")
    assert layout_of("lcnet_050", 32, 4) is layout_of("lcnet_050", 32, 4)
