"""Auxiliary losses: what they compute, what they cannot see, and that they are not exported."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from search_space import Architecture
from search_space.auxiliaries.attention_guide import SMOOTHING, AttentionGuide
from search_space.auxiliaries.super_resolution import WEIGHT, SuperResolution, blurred
from search_space.contracts import Features
from search_space.recognizer import build_recognizer
from trainers.export.onnx_file import export
from trainers.export.size_estimate import expected_metadata

WITH = {
    "super_resolution": {"neck": "fpn_a", "auxiliary": "super_resolution"},
    "attention_guide": {"auxiliary": "attention_guide"},
}


def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Images (2, 3, 32, 64), targets and lengths."""
    return torch.rand(2, 3, 32, 64) * 2 - 1, torch.tensor([[1, 2, 2, 3], [4, 5, 0, 0]]), torch.tensor([4, 2])


@pytest.mark.parametrize("name", list(WITH))
def test_every_weight_learns_and_nothing_of_it_is_exported(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    architecture = Architecture(width_percent=25, **WITH[name])
    recognizer = build_recognizer(architecture, 7)
    losses = recognizer.losses(*batch())
    losses.sum().backward()
    assert losses.shape == (2,)
    assert [n for n, p in recognizer.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    with_it = export(recognizer, tmp_path / "with.onnx", expected_metadata(architecture, 7)).read_bytes()
    recognizer.auxiliary = None
    assert export(recognizer, tmp_path / "without.onnx", expected_metadata(architecture, 7)).read_bytes() == with_it


@pytest.mark.parametrize("name", list(WITH))
def test_it_is_added_to_the_heads_loss(name: str) -> None:
    torch.manual_seed(0)
    recognizer = build_recognizer(Architecture(width_percent=25, **WITH[name]), 7).eval()
    images, targets, lengths = batch()
    with torch.no_grad():
        auxiliary, features = recognizer.auxiliary, recognizer.features(images)
        assert auxiliary is not None
        own = auxiliary.loss(features, images, targets, lengths)
        together = recognizer.losses(images, targets, lengths)
        recognizer.auxiliary = None
        torch.testing.assert_close(together - own, recognizer.losses(images, targets, lengths))
    assert bool((own > 0).all())


def test_super_resolution_asks_for_the_sharp_image_of_a_blurred_one() -> None:
    torch.manual_seed(0)
    auxiliary = SuperResolution(8, 16, 7, 32).train()
    images = torch.rand(64, 3, 32, 64) * 2 - 1
    seen = auxiliary.degrade(images)
    changed = (seen != images).flatten(1).any(1)
    assert 0.2 < changed.float().mean() < 0.8, "some images stay sharp"
    assert seen.std() < images.std()
    with torch.no_grad():
        auxiliary.draw.weight.zero_()
        auxiliary.draw.bias.zero_()
        losses = auxiliary.loss(Features([torch.randn(64, 8, 8, 32)], *[torch.zeros(1)] * 3), images, *batch()[1:])
    torch.testing.assert_close(losses, WEIGHT * images.abs().mean(dim=(1, 2, 3)))


def test_blur_keeps_flat_images_and_spreads_points() -> None:
    flat = torch.full((2, 3, 16, 16), 0.3)
    torch.testing.assert_close(blurred(flat, torch.tensor([0.5, 2.0])), flat)
    point = torch.zeros(2, 1, 21, 21)
    point[:, :, 10, 10] = 1.0
    spread = blurred(point, torch.tensor([0.7, 1.5]))
    torch.testing.assert_close(spread.sum(dim=(1, 2, 3)), torch.ones(2), atol=1e-3, rtol=0)
    assert spread[0, 0, 10, 10] > spread[1, 0, 10, 10] > spread[1, 0, 10, 13] > spread[1, 0, 10, 15] > 0
    torch.testing.assert_close(spread, spread.transpose(2, 3))


def guide_losses(guide: AttentionGuide, columns: Tensor, targets: list[int]) -> Tensor:
    nothing = torch.zeros(1)
    with torch.no_grad():
        return guide.loss(
            Features([], nothing, columns, nothing), nothing, torch.tensor([targets]), torch.tensor([len(targets)])
        )


def test_the_guide_does_not_see_the_symbol_that_it_must_guess() -> None:
    """The loss of a prefix is a part of the loss of the line: what follows changes nothing."""
    torch.manual_seed(0)
    guide = AttentionGuide(8, 16, 9, 32).eval()
    columns = torch.randn(1, 12, 16)
    seen: list[Tensor] = []
    guide.classes.register_forward_hook(lambda _module, _inputs, out: seen.append(out))
    guide_losses(guide, columns, [3, 1, 4, 1, 5])
    guide_losses(guide, columns, [3, 1, 9, 2, 6])
    torch.testing.assert_close(seen[0][:, :3], seen[1][:, :3])
    assert not torch.allclose(seen[0][:, 3:], seen[1][:, 3:])


def test_the_guide_learns_from_the_columns() -> None:
    torch.manual_seed(0)
    guide = AttentionGuide(8, 16, 4, 32)
    columns, targets = torch.randn(8, 10, 16), torch.randint(1, 5, (8, 4))
    nothing, lengths = torch.zeros(1), torch.full((8,), 4)
    optimizer = torch.optim.Adam(guide.parameters(), 0.003)
    losses = []
    for _ in range(80):
        loss = guide.loss(Features([], nothing, columns, nothing), nothing, targets, lengths).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    others = SMOOTHING / 4  # the share of each of the four other classes
    least = -(1 - SMOOTHING) * math.log(1 - SMOOTHING) - SMOOTHING * math.log(others)
    assert 0 < losses[-1] - least < 0.2 * (losses[0] - least)


def test_the_guide_weighs_a_line_the_same_however_long_it_is() -> None:
    """A guide that finds all symbols equally likely has the same loss, the logarithm of their number, for any line."""
    guide = AttentionGuide(8, 16, 9, 32).eval()
    with torch.no_grad():
        guide.classes.weight.zero_()
        guide.classes.bias.zero_()
    for targets in ([3], [3, 1, 4, 1, 5]):
        torch.testing.assert_close(guide_losses(guide, torch.randn(1, 12, 16), targets), torch.tensor([math.log(10)]))
