"""The thin-plate spline: the layers of the published models, the identity at first, and the effect of control points."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.architecture import Architecture
from search_space.learning_rates import learning_rate_factor
from search_space.rectifiers.tps import POINTS, ThinPlateSpline, control_points, pixel_centres, spline_weights
from trainers.export.onnx_file import finished, simplified_graph
from trainers.export.size_estimate import expected_metadata
from trainers.inference.onnx_session import OnnxSession

HELD_AT_ZERO = 246
"""Weights of the seed's layer for the side conditions, which never leave zero and are not built."""


def weights_and_statistics(module: nn.Module) -> int:
    """As the seed counts: learned numbers and BatchNorm's two running ones."""
    return sum(t.numel() for t in module.state_dict().values() if t.is_floating_point())


def picture(height: int, width: int) -> Tensor:
    """Smooth waves, (1, 3, H, W)."""
    y, x = torch.meshgrid(torch.linspace(0, 3, height), torch.linspace(0, 9, width), indexing="ij")
    return torch.stack([torch.sin(x), torch.cos(y + x), torch.sin(y * x / 4)])[None]


def with_points(points: Tensor) -> ThinPlateSpline:
    """A rectifier that finds these points in every image."""
    rectifier = ThinPlateSpline(32).eval()
    with torch.no_grad():
        rectifier.finder.points.bias.copy_((points - straight()).flatten())
    return rectifier


def straight() -> Tensor:
    return torch.from_numpy(control_points()).float()


def test_has_the_layers_of_the_seed() -> None:
    """The rows of layers.csv for star_mv3_fpnb_small_1.0 in front of the backbone."""
    rectifier = ThinPlateSpline(32)
    convolutions = [m for m in rectifier.modules() if isinstance(m, nn.Conv2d)]
    linear = [m for m in rectifier.modules() if isinstance(m, nn.Linear)]
    assert [c.weight.numel() for c in convolutions] == [432, 4608, 18_432, 73_728]
    assert sorted(m.weight.numel() + m.bias.numel() for m in linear) == [2600, 8256]
    assert weights_and_statistics(rectifier) + HELD_AT_ZERO == 109_262


@pytest.mark.parametrize(("height", "width"), [(32, 64), (48, 200), (64, 32)])
def test_is_the_identity_at_first(height: int, width: int) -> None:
    images = picture(height, width)
    with torch.no_grad():
        torch.testing.assert_close(ThinPlateSpline(height).eval()(images), images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("width", [64, 160])
def test_points_moved_together_shift_the_image(width: int) -> None:
    """All points four pixels to the right, where 2 / W is a pixel: what was there comes to where they lie straight."""
    images = picture(32, width)
    with torch.no_grad():
        shifted = with_points(straight() + torch.tensor([8 / width, 0.0]))(images)
    torch.testing.assert_close(shifted[..., : width - 4], images[..., 4:], atol=1e-4, rtol=0)


def test_points_half_as_far_apart_enlarge_the_middle() -> None:
    images = picture(32, 96)
    with torch.no_grad():
        enlarged = with_points(straight() * torch.tensor([0.5, 1.0]))(images)
    expected = F.interpolate(images[..., 24:72], (32, 96), mode="bilinear")
    torch.testing.assert_close(enlarged[..., 2:-2], expected[..., 2:-2], atol=2e-3, rtol=0)


def test_the_spline_goes_through_every_point() -> None:
    """At the places where points lie straight, it samples where they were found."""
    torch.manual_seed(0)
    found = straight() + 0.1 * torch.randn(POINTS, 2)
    reached = straight() + (spline_weights(straight().double().reshape(2, -1, 2)).float() @ (found - straight())).flatten(0, 1)
    torch.testing.assert_close(reached, found, atol=1e-6, rtol=0)


def test_a_file_of_any_precision_bends_as_the_network_does(tmp_path: Path) -> None:
    """The spline is the same in int8 files; only the network that finds the points is rounded, and here it finds constants."""
    torch.manual_seed(0)
    rectifier = with_points(straight() + 0.1 * torch.randn(POINTS, 2))
    graph = simplified_graph(rectifier, 32)
    images = picture(32, 160)
    with torch.no_grad():
        expected = rectifier(images)
    for precision, close in (("fp32", 1e-5), ("int8", 0.02)):
        file = tmp_path / f"{precision}.onnx"
        file.write_bytes(finished(copy.deepcopy(graph), expected_metadata(Architecture(), 7), precision))
        torch.testing.assert_close(torch.from_numpy(OnnxSession(file).run(images.numpy())), expected, atol=close, rtol=0)


def test_half_precision_training_does_not_make_places_coarse() -> None:
    """bfloat16 has steps of half a pixel and more at this width; only what the network finds is rounded to it."""
    images = picture(32, 320)
    rectifier = with_points(straight() + torch.tensor([8 / 320, 0.0]))
    with torch.no_grad():
        expected = rectifier(images)
        with torch.autocast("cpu", torch.bfloat16):
            found = rectifier(images)
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=0)


def test_beyond_the_image_its_edge_is_repeated() -> None:
    with torch.no_grad():
        shifted = with_points(straight() + 5.0)(torch.full((1, 3, 32, 64), 0.7))
    torch.testing.assert_close(shifted, torch.full_like(shifted, 0.7))


def test_it_learns_where_the_points_are() -> None:
    """The gradient of the sampled image reaches the point finder, and its last layers take steps of a tenth of the rate."""
    rectifier = ThinPlateSpline(32)
    (rectifier(picture(32, 64).repeat(2, 1, 1, 1)) ** 2).sum().backward()
    points = rectifier.finder.points.weight
    assert points.grad is not None and bool(points.grad.any())
    assert {learning_rate_factor(layer) for layer in (rectifier.finder.hidden, rectifier.finder.points)} == {0.1}
    assert learning_rate_factor(rectifier.finder.convolutions[0]) == 1.0


def test_weights_of_before_are_loaded_without_the_layer_that_is_left_out() -> None:
    whole = nn.Sequential(ThinPlateSpline(32))
    former = {**whole.state_dict(), "0.affine.weight": torch.ones(6, 40), "0.affine.bias": torch.ones(6)}
    whole.load_state_dict(former)
    with pytest.raises(RuntimeError, match="other"):
        whole.load_state_dict({**former, "0.other.weight": torch.ones(2)})
    assert len(former) == len(whole.state_dict()) + 2


def test_a_trained_spline_bends_by_its_points_alone() -> None:
    """Whatever it has learned, it passes through its points, and far from any of them moves no further than the furthest."""
    torch.manual_seed(0)
    rectifier = ThinPlateSpline(32)
    optimizer = torch.optim.Adam(rectifier.parameters(), 5e-3)
    for _ in range(5):
        optimizer.zero_grad()
        rectifier(torch.randn(4, 3, 32, 64)).square().sum().backward()
        optimizer.step()
    with torch.no_grad():
        moves = rectifier.finder(picture(32, 64))[0].double()
    pixels = pixel_centres(32, 64, torch.device("cpu"))
    moved = (spline_weights(pixels) @ moves).norm(dim=2)
    assert 0 < moved.max() < 2 * moves.norm(dim=1).max()
