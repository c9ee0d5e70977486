"""Predicts the weights that pruning will leave, before anything is trained.

Decisions:
- Every layer of the backbone is assumed to keep the same fraction of its channels: the one that reduces the multiply-adds by
  `prune_percent`. In truth a sensitivity table or EagleEye keeps a different fraction of each layer. Files that are cut by the
  published tables are up to a third larger than predicted. The exact size is known after the cut, and only that is reported as
  measured.
- The convolutions of a neck read pruned levels, and mixtures of these with the neck's own maps. Half of their inputs are
  assumed to be pruned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from search_space.recognizer import Recognizer
from trainers.export.inventory import Weight, placed_weights
from trainers.pruning.macs import LayerMacs, backbone_work

IMAGE_CHANNELS = 3
"""Channels of an image: a layer with so few inputs reads the image, whose channels stay."""
FLOOR_CHANNELS = 2
"""Fewest channels that a layer keeps."""
STEPS = 30
"""Steps of the bisection, which finds the fraction to 1e-9."""


def shrunk_weights(recognizer: Recognizer, prune_percent: int) -> Iterator[Weight]:
    """Every float tensor of a recogniser's file, in the shape that it is expected to have after pruning.

    Args:
        recognizer: in its final form; may be on the meta device.
        prune_percent: percentage of the backbone's multiply-adds that pruning removes, 0 to 95.
    """
    kept = kept_fraction(backbone_work(recognizer), 1 - prune_percent / 100)
    width = recognizer.backbone.out_channels
    for path, weight in placed_weights(recognizer):
        part = path.partition(".")[0]
        if part == "backbone":
            yield _scaled(weight, kept, kept)
        elif part == "neck":
            yield _scaled(weight, 1.0, (1 + kept) / 2)
        elif recognizer.neck is None and part in ("encoder", "head"):
            yield _narrowed(weight, width, kept)
        else:
            yield weight


def kept_fraction(layers: Mapping[str, LayerMacs], left: float) -> float:
    """The fraction of channels, in (0, 1], with which a fraction `left` of the multiply-adds remains.

    Args:
        layers: multiply-adds of each layer.
        left: fraction of all multiply-adds, in (0, 1].
    """
    whole = sum(layer.per_pair * layer.inputs * layer.outputs for layer in layers.values())

    def work(fraction: float) -> float:
        pairs = (fraction if n.depthwise or n.inputs == IMAGE_CHANNELS else fraction**2 for n in layers.values())
        return sum(n.per_pair * n.inputs * n.outputs * pair for n, pair in zip(layers.values(), pairs, strict=True))

    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if work(middle) < left * whole else (low, middle)
    return high


def _scaled(weight: Weight, outputs: float, inputs: float) -> Weight:
    """A weight with its first two dimensions multiplied by fractions; dimensions of 3 or less and kernel sizes stay."""
    fractions = (outputs, inputs)
    shape = tuple(
        max(FLOOR_CHANNELS, round(size * fractions[i])) if i < len(fractions) and size > IMAGE_CHANNELS else size
        for i, size in enumerate(weight.shape)
    )
    return replace(weight, shape=shape)


def _narrowed(weight: Weight, width: int, fraction: float) -> Weight:
    """A weight whose last dimension, if that is `width`, is multiplied by a fraction."""
    if len(weight.shape) < 2 or weight.shape[-1] != width:
        return weight
    return replace(weight, shape=(*weight.shape[:-1], max(FLOOR_CHANNELS, round(width * fraction))))
