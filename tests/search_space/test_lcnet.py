"""LCNet: merged branches compute the same, levels fit necks, and it is smaller once merged."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from search_space import Architecture
from search_space.backbones.lcnet import BranchedConv
from search_space.fusing import fuse, fuse_in_place
from search_space.recognizer import Recognizer, build_recognizer
from testing.random_weights import randomize_vectors


def weights(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("channels", "out", "kernel", "stride", "groups"),
    [(8, 8, 3, (1, 1), 8), (8, 8, 5, (2, 1), 8), (8, 12, 1, (1, 1), 1), (8, 8, 1, (1, 1), 1), (8, 8, 3, (2, 2), 2)],
)
def test_a_merged_convolution_is_the_sum_of_its_branches(
    channels: int, out: int, kernel: int, stride: tuple[int, int], groups: int
) -> None:
    torch.manual_seed(0)
    branched = randomize_vectors(BranchedConv(channels, out, kernel, stride, groups, branches=2))
    merged = branched.fused_for_export()
    images = torch.randn(2, channels, 8, 12)
    with torch.no_grad():
        torch.testing.assert_close(merged(images), branched(images), atol=1e-5, rtol=1e-5)
    assert isinstance(merged, nn.Conv2d) and weights(merged) < weights(branched)


@pytest.mark.parametrize("values", [{}, {"neck": "fpn_b", "time_stride": 8, "activation": "acon_c", "attention": "coordinate"}])
def test_a_merged_recogniser_reads_the_same(values: dict[str, object]) -> None:
    torch.manual_seed(0)
    recognizer = randomize_vectors(build_recognizer(Architecture(backbone="lcnet", width_percent=50, **values), 7))
    before = {name: t.clone() for name, t in recognizer.state_dict().items()}
    merged = fuse(recognizer)
    images = torch.randn(2, 3, 32, 64)
    with torch.no_grad():
        expected = recognizer(images)
        torch.testing.assert_close(merged(images), expected, atol=1e-4 * float(expected.abs().max()), rtol=0)
    assert not any(isinstance(m, BranchedConv) for m in merged.modules())
    assert any(isinstance(m, BranchedConv) for m in recognizer.modules()), "the original can be trained on"
    assert all(torch.equal(t, before[name]) for name, t in recognizer.state_dict().items())
    assert {n for n, _ in fuse_in_place(merged).named_parameters()} == {n for n, _ in merged.named_parameters()}


def test_merging_tells_shapes_without_numbers() -> None:
    architecture = Architecture(backbone="lcnet")
    with torch.device("meta"):
        without = fuse_in_place(build_recognizer(architecture, 7))
    with_numbers = fuse(build_recognizer(architecture, 7))
    assert {n: p.shape for n, p in without.named_parameters()} == {n: p.shape for n, p in with_numbers.named_parameters()}
    assert all(p.is_meta for p in without.parameters())


@pytest.mark.parametrize(("height", "stride"), [(32, 4), (48, 8), (48, 12), (64, 4)])
def test_all_three_levels_have_one_width(height: int, stride: int) -> None:
    backbone = _recognizer(neck="fpn_c", height_px=height, time_stride=stride).backbone
    maps = backbone(torch.randn(1, 3, height, 192))
    columns = 192 // stride * backbone.pool_width
    assert [tuple(m.shape[1:]) for m in maps] == [
        (c, h, columns) for c, h in zip(backbone.level_channels, backbone.level_heights, strict=True)
    ]
    assert backbone.level_heights == (height // 4, height // 8, height // 16)


def test_attention_goes_where_the_paper_has_it() -> None:
    plain, with_attention = (_recognizer(attention=name).backbone for name in ("none", "squeeze_excite"))
    added = {n for n, _ in with_attention.named_parameters()} - {n for n, _ in plain.named_parameters()}
    assert added and all(name.startswith("stages.4.") for name in added)


def test_necks_that_tap_first_blocks_build_nothing_behind_them() -> None:
    first, last = (weights(_recognizer(neck=neck, width_percent=100).backbone) for neck in ("fpn_a", "fpn_b"))
    assert first < 0.4 * last


def _recognizer(width_percent: int = 25, **values: object) -> Recognizer:
    return build_recognizer(Architecture(backbone="lcnet", width_percent=width_percent, **values), 7)  # type: ignore[arg-type]
