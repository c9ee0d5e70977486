"""Test cases for every component in every catalog: how to build it, which inputs it takes, which outputs it must give.

A new component file is included automatically: names come from the catalogs, shapes from the contract of its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.activations import activations
from search_space.attentions import attentions
from search_space.backbones import backbones
from search_space.contracts import Backbone, BackboneRequest, Tap
from search_space.encoders import encoders
from search_space.heads import heads
from search_space.necks import necks
from search_space.poolings import poolings
from search_space.rectifiers import rectifiers

SYMBOLS = 7
TIMM = "timm/lcnet_050"
Shape = tuple[int | str, ...]


@dataclass(frozen=True)
class ComponentCase:
    """How to test a component, as a module that maps tensors to tensors.

    Attributes:
        name: for the test's id.
        build: makes it; components that take or give lists are wrapped.
        inputs: shape of each input; "N" and "W" stand for any batch and width (or number of time steps).
        out: shape of each output at a batch and a width; None for a size that the contract leaves open.
        unit: widths are multiples of this.
        differs_only_in_size: whether another case has all but its sizes, so that slow tests may leave it to the slow tier.
    """

    name: str
    build: Callable[[], nn.Module]
    inputs: tuple[Shape, ...]
    out: Callable[[int, int], list[tuple[int | None, ...]]]
    unit: int = 1
    differs_only_in_size: bool = False

    def draw(self, count: int, units: int) -> tuple[Tensor, ...]:
        """Draws random inputs with a width of `units` times the unit; images are smooth, like real ones."""
        sizes = {"N": count, "W": units * self.unit}
        shapes = [[s if isinstance(s, int) else sizes[s] for s in shape] for shape in self.inputs]
        return tuple(smooth_image(shape) if len(shape) == 4 and shape[1] == 3 else torch.randn(shape) for shape in shapes)


def smooth_image(shape: Sequence[int]) -> Tensor:
    """Random images that change slowly, over eight pixels, as real images do."""
    count, channels, height, width = shape
    return F.interpolate(torch.randn(count, channels, height // 8, width // 8), (height, width), mode="bilinear")


class TupleModule(nn.Module):
    """Wraps a component that takes or returns a list of maps; maps tensors to a tuple of tensors."""

    def __init__(self, component: nn.Module, takes_list: bool) -> None:
        super().__init__()
        self.component = component
        self.takes_list = takes_list

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        out = self.component(list(tensors)) if self.takes_list else self.component(*tensors)
        return tuple(out) if isinstance(out, list) else (out,)


def component_cases() -> list[ComponentCase]:
    """Cases of all kinds that map tensors to tensors; auxiliaries return losses and have tests of their own."""
    kinds = (
        _of_activations,
        _of_attentions,
        _of_poolings,
        _of_necks,
        _of_encoders,
        _of_heads,
        _of_rectifiers,
        backbone_cases,
    )
    return [case for kind in kinds for case in kind()]


def _of_activations() -> Iterator[ComponentCase]:
    for name in activations:
        for standard in ("relu", "hardswish"):
            yield ComponentCase(
                f"activation-{name}-{standard}",
                lambda name=name, standard=standard: activations[name](12, standard),
                (("N", 12, 2, "W"),),
                lambda n, w: [(n, 12, 2, w)],
                differs_only_in_size=standard == "relu",
            )


def _of_attentions() -> Iterator[ComponentCase]:
    for name in attentions:
        yield from attention_cases(name, lambda channels, name=name: attentions[name](channels))


def attention_cases(name: str, attention: Callable[[int], nn.Module]) -> Iterator[ComponentCase]:
    """Cases of one attention, on maps of one row and of three; `attention` makes it for a number of channels."""
    for rows in (1, 3):
        yield ComponentCase(
            f"attention-{name}-{rows}",
            lambda: attention(16),
            (("N", 16, rows, "W"),),
            lambda n, w, rows=rows: [(n, 16, rows, w)],
            differs_only_in_size=rows == 1,
        )


def _of_poolings() -> Iterator[ComponentCase]:
    for name in poolings:
        for rows, columns in ((1, 2), (2, 2), (3, 3), (4, 1)):
            yield ComponentCase(
                f"pooling-{name}-{rows}x{columns}",
                lambda name=name, kernel=(rows, columns): poolings[name](8, kernel),
                (("N", 8, rows, "W"),),
                lambda n, w, columns=columns: [(n, 8, 1, w // columns)],
                columns,
                differs_only_in_size=(rows, columns) != (2, 2),
            )


def _of_necks() -> Iterator[ComponentCase]:
    channels = (8, 16, 24)
    for name in necks:
        for heights in ((8, 4, 2), (12, 6, 3), (8, 2, 2)):
            yield ComponentCase(
                f"neck-{name}-{heights[0]}",
                lambda name=name, heights=heights: TupleModule(necks[name](channels, heights, 20, "standard"), takes_list=True),
                tuple(("N", c, h, "W") for c, h in zip(channels, heights, strict=True)),
                lambda n, w, rows=heights[-1]: [(n, 20, rows, w)],
                differs_only_in_size=heights != (8, 4, 2),
            )


def _of_encoders() -> Iterator[ComponentCase]:
    for name in encoders:
        hidden, layers = (0, 0) if name == "none" else (16, 2)
        features = encoders[name](12, hidden, layers).out_features
        yield ComponentCase(
            f"encoder-{name}",
            lambda name=name, hidden=hidden, layers=layers: encoders[name](12, hidden, layers),
            (("N", "W", 12),),
            lambda n, w, features=features: [(n, w, features)],
        )


def _of_heads() -> Iterator[ComponentCase]:
    for name in heads:
        ctc = heads[name].decoding == "ctc"
        yield ComponentCase(
            f"head-{name}",
            lambda name=name: heads[name](12, SYMBOLS, 8),
            (("N", "W", 12),),
            lambda n, w, ctc=ctc: [(n, w, SYMBOLS + 1) if ctc else (n, None, None)],
        )


def _of_rectifiers() -> Iterator[ComponentCase]:
    for name in rectifiers:
        for height in (32, 48):
            yield ComponentCase(
                f"rectifier-{name}-{height}",
                lambda name=name, height=height: rectifiers[name](height),
                (("N", 3, height, "W"),),
                lambda n, w, height=height: [(n, 3, height, w)],
                32,
                differs_only_in_size=height != 32,
            )


GEOMETRIES = ((32, 4), (48, 8), (48, 12), (64, 4))
"""Input height and time-step stride."""


def backbone_cases(
    names: Sequence[str] | None = None,
    taps: Sequence[Tap] = ("none", "first", "last"),
    geometries: Sequence[tuple[int, int]] = ((32, 4),),
) -> Iterator[ComponentCase]:
    """Cases of backbones at a quarter of their width.

    Args:
        names: names of backbones; None means all, with one model of timm.
        taps: values of `BackboneRequest.tap`.
        geometries: pairs of height_px and time_stride.
    """
    for name in names or backbone_names():
        for tap in taps:
            for height, stride in geometries:
                request = BackboneRequest(name, 25, "squeeze_excite", "standard", tap, height, stride)
                yield ComponentCase(
                    f"backbone-{name}-{tap}-{height}-{stride}",
                    lambda request=request: TupleModule(backbone_of(request), takes_list=False),
                    (("N", 3, height, "W"),),
                    lambda n, w, request=request: promised_maps(request, n, w),
                    stride * 8,
                    differs_only_in_size=tap != "none",
                )


def backbone_names() -> list[str]:
    """Every backbone as an architecture names it."""
    return [TIMM if name == "timm" else name for name in backbones]


def backbone_of(request: BackboneRequest) -> Backbone:
    """The backbone that a request asks for."""
    return backbones[request.name.split("/")[0]](request)


def promised_maps(request: BackboneRequest, count: int, width: int) -> list[tuple[int | None, ...]]:
    """Shapes that a backbone's attributes promise for a batch of images."""
    backbone = backbone_of(request)
    columns = width * backbone.pool_width // request.time_stride
    levels = zip(backbone.level_channels, backbone.level_heights, strict=True)
    return [(count, channels, rows, columns) for channels, rows in levels]
