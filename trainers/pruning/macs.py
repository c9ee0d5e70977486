"""Computes the multiply-adds of a backbone for any number of channels of each layer, without pruning it.

As in `search_space.counting`, convolutions and linear layers are counted, and the few operations between them are not.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from search_space.recognizer import Recognizer
from trainers.pruning.groups import ChannelGroup

LAYERS = (nn.Conv2d, nn.Linear)
"""Types of layers that are counted and pruned."""

STEPS = 80
"""Time steps of the image for which multiply-adds are counted: 320 columns at stride 4, as in the published figures."""


@dataclass(frozen=True)
class LayerMacs:
    """The multiply-adds of one layer: `per_pair x inputs x outputs`.

    Attributes:
        per_pair: multiply-adds of one input channel and one output channel, over the whole map.
        inputs: input channels; 1 for a depthwise convolution.
        outputs: output channels.
        depthwise: whether it is a depthwise convolution.
    """

    per_pair: float
    inputs: int
    outputs: int
    depthwise: bool


def backbone_work(recognizer: Recognizer) -> dict[str, LayerMacs]:
    """The multiply-adds of each layer of the backbone, by its name in the recogniser."""
    model = copy.deepcopy(recognizer.backbone).to("meta").eval()
    found: dict[str, LayerMacs] = {}
    names = {module: f"backbone.{name}" for name, module in model.named_modules()}

    def note(module: nn.Module, _: object, out: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            depthwise = module.groups == module.in_channels == module.out_channels
            area = module.kernel_size[0] * module.kernel_size[1] * out.shape[2] * out.shape[3]
            pairs = area / (1 if depthwise else module.groups)
            found[names[module]] = LayerMacs(pairs, 1 if depthwise else module.in_channels, module.out_channels, depthwise)
        elif isinstance(module, nn.Linear):
            rows = out.numel() // module.out_features
            found[names[module]] = LayerMacs(rows, module.in_features, module.out_features, False)

    for module in model.modules():
        if isinstance(module, LAYERS):
            module.register_forward_hook(note)
    a = recognizer.architecture
    with torch.no_grad():
        model(torch.empty(1, 3, a.height_px, STEPS * a.time_stride, device="meta"))
    return found


class RemovedMacs:
    """Computes the fraction of a backbone's multiply-adds that a pruning plan removes.

    Args:
        layers: from `backbone_work`.
        groups: from `PruningGraph.groups`.
    """

    def __init__(self, layers: Mapping[str, LayerMacs], groups: Sequence[ChannelGroup]) -> None:
        self._layers = layers
        self._losses: dict[str, list[tuple[str, bool, float]]] = {name: [] for name in layers}
        for group in groups:
            for part in group.slices:
                if part.layer in layers:
                    self._losses[part.layer].append((group.name, part.out, part.per_channel))
        self._whole = sum(layer.per_pair * layer.inputs * layer.outputs for layer in layers.values())

    def __call__(self, removed: Mapping[str, int]) -> float:
        """The fraction that is removed, in [0, 1].

        Args:
            removed: number of channels to remove, by group; the other groups lose none.
        """
        left = 0.0
        for name, layer in self._layers.items():
            inputs, outputs = float(layer.inputs), float(layer.outputs)
            for group, out, per_channel in self._losses[name]:
                gone = per_channel * removed.get(group, 0)
                if out:
                    outputs -= gone
                elif not layer.depthwise:
                    inputs -= gone
            left += layer.per_pair * inputs * outputs
        return 1 - left / self._whole
