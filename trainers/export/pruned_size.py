"""What pruning will leave of a network's weights, before anything is trained: all layers of the backbone shrunk alike.

Decisions:
- One share of the channels stays in every layer, the one with which the backbone's work falls by `prune_percent`. What a
  sensitivity table or EagleEye leaves differs from layer to layer: files made of the published tables are up to a third
  larger than told here. The exact size is known once the cut is made, and only that is ever reported as measured.
- A neck's convolutions read shrunk levels, and mixtures of these with maps of its own: half of their inputs are taken to
  shrink.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from search_space.recognizer import Recognizer
from trainers.export.inventory import Weight, placed_weights
from trainers.pruning.macs import LayerMacs, backbone_work

IMAGE_CHANNELS = 3
FLOOR_CHANNELS = 2
STEPS = 30
"""Halvings of the share: to 1e-9."""


def shrunk_weights(recognizer: Recognizer, prune_percent: int) -> Iterator[Weight]:
    """Every float tensor of a recogniser's file, as large as pruning is expected to leave it.

    Args:
        recognizer: in its final form; on the meta device will do.
        prune_percent: share of the backbone's multiply-adds that go, 0 to 95.
    """
    share = kept_share(backbone_work(recognizer), 1 - prune_percent / 100)
    width = recognizer.backbone.out_channels
    for path, weight in placed_weights(recognizer):
        part = path.partition(".")[0]
        if part == "backbone":
            yield _scaled(weight, share, share)
        elif part == "neck":
            yield _scaled(weight, 1.0, (1 + share) / 2)
        elif recognizer.neck is None and part in ("encoder", "head"):
            yield _narrowed(weight, width, share)
        else:
            yield weight


def kept_share(layers: Mapping[str, LayerMacs], left: float) -> float:
    """Share of all channels that keeps `left` of the work, in (0, 1].

    Args:
        layers: work of each layer.
        left: share of the work, in (0, 1].
    """
    whole = sum(layer.per_pair * layer.inputs * layer.outputs for layer in layers.values())

    def work(share: float) -> float:
        pairs = (share if n.depthwise or n.inputs == IMAGE_CHANNELS else share**2 for n in layers.values())
        return sum(n.per_pair * n.inputs * n.outputs * pair for n, pair in zip(layers.values(), pairs, strict=True))

    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if work(middle) < left * whole else (low, middle)
    return high


def _scaled(weight: Weight, outputs: float, inputs: float) -> Weight:
    """The first two dimensions shrunk; an image's channels, single ones and windows stay."""
    shares = (outputs, inputs)
    shape = tuple(
        max(FLOOR_CHANNELS, round(size * shares[i])) if i < len(shares) and size > IMAGE_CHANNELS else size
        for i, size in enumerate(weight.shape)
    )
    return Weight(shape, weight.axes)


def _narrowed(weight: Weight, width: int, share: float) -> Weight:
    """A weight that reads columns of `width` features reads fewer."""
    if len(weight.shape) < 2 or weight.shape[-1] != width:
        return weight
    return Weight((*weight.shape[:-1], max(FLOOR_CHANNELS, round(width * share))), weight.axes)
