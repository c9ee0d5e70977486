"""Any timm model with feature maps, as `timm/<name>`, with text-line strides.

Decisions:
- Necks that tap the last blocks get the model's three coarsest levels (4, 2 and 1 rows at height 32). Necks that tap the
  first blocks get the three before the coarsest (8, 4 and 2 rows), and the coarsest stage, often half the weights, is not
  built; a model with three levels gives those to both.
- Columns: time_stride 4 and 8 are reached by the model itself; 12 is 4 and a last pooling of 3; with the finer levels 8 is 4
  and a last pooling of 2, because the finest of them has a fourth of the columns in every family.
- The model keeps its own activations and the attention inside its blocks; ours is put on the levels it returns.
- Weights are drawn at random unless pretrained ones are asked for (`adopt`): a search must not depend on downloads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from search_space.attentions import attentions
from search_space.backbones import backbones
from search_space.backbones._text_strides import Layout, Recording, apply_layout, layout_for, record
from search_space.backbones._timm_widths import create_at_width, drop_late_stages
from search_space.catalog import Citation
from search_space.contracts import Backbone, BackboneRequest, Tap
from search_space.timm_adapter import create_features, pretrained_features, reparameterized

COARSEST = {"none": 1, "last": 3, "first": 3}
"""Levels taken from the coarsest on."""


@dataclass(frozen=True)
class Facts:
    """What is known of a model once it has been built and run on the meta device.

    Attributes:
        recording: its strides.
        divided: by how much each of its levels divides rows, finest first.
    """

    recording: Recording
    divided: tuple[int, ...]


def model_name(backbone: str) -> str:
    """What timm calls the backbone `timm/<name>`."""
    return backbone.removeprefix("timm/")


@lru_cache(maxsize=2048)
def facts_of(name: str) -> Facts:
    """Looks into a model, once per process.

    Raises:
        Unfit: its strides are none that can be changed.
    """
    with torch.device("meta"):
        model: Any = create_features(name, (-1,))
        return Facts(record(model), tuple(int(level["reduction"]) for level in model.feature_info.info))


def level_indices(name: str, tap: Tap) -> tuple[int, ...]:
    """Which of a model's feature levels a neck gets, as negative indices."""
    behind = 1 if tap == "first" and len(facts_of(name).divided) > COARSEST[tap] else 0
    return tuple(range(-COARSEST[tap] - behind, -behind))


def column_stride(time_stride: int, tap: Tap) -> int:
    """Columns of the image for one of the model's; the last pooling does the rest."""
    return 4 if time_stride == 12 or tap == "first" else time_stride


@lru_cache(maxsize=4096)
def layout_of(name: str, height_px: int, stride: int) -> Layout:
    """What to change in a model so that `stride` columns of an image `height_px` high become one.

    Raises:
        Unfit: it cannot be.
    """
    return layout_for(facts_of(name).recording, height_px, stride)


@backbones.register("timm", Citation("PyTorch Image Models", 2019, "https://doi.org/10.5281/zenodo.4414861"))
class TimmBackbone(Backbone):
    """A timm model; `search_space.rules` has asked `_timm_verdicts` before one is built."""

    def __init__(self, request: BackboneRequest) -> None:
        super().__init__(request)
        self._request = request
        name = model_name(request.name)
        stride, levels = column_stride(request.time_stride, request.tap), level_indices(name, request.tap)
        facts, layout = facts_of(name), layout_of(name, request.height_px, stride)
        model: Any = create_at_width(name, request.width_percent, levels)
        apply_layout(model, facts.recording, layout)
        self.model: nn.Module = model
        self.merged = False
        self.level_channels = tuple(model.feature_info.channels())
        self.level_heights = tuple(layout.rows[facts.divided[level]] for level in levels)
        self.out_channels = self.level_channels[-1]
        self.pool_width = request.time_stride // stride
        self.attentions = nn.ModuleList(attentions[request.attention](c) for c in self.level_channels)

    def forward(self, images: Tensor) -> list[Tensor]:
        return [attention(level) for attention, level in zip(self.attentions, self.model(images), strict=True)]

    def adopt(self, weights: str) -> bool:
        """Begins with pretrained weights instead of random ones; attention of ours keeps its own.

        Args:
            weights: "timm" for those that timm publishes, or a file, as in `pretrained_features`.

        Returns:
            Whether there are any: timm publishes none for other widths than 100 %.

        Raises:
            WeightsUnavailable: they cannot be had.
        """
        request = self._request
        if request.width_percent != 100:
            return False
        name = model_name(request.name)
        pretrained = pretrained_features(name, level_indices(name, request.tap), weights)
        drop_late_stages(pretrained)
        layout = layout_of(name, request.height_px, column_stride(request.time_stride, request.tap))
        apply_layout(pretrained, facts_of(name).recording, layout)  # it also adds up what its narrower kernels leave out
        self.model.load_state_dict(pretrained.state_dict())
        return True

    def fused_for_export(self) -> nn.Module:
        """Itself, with the branches of families that have them merged."""
        if not self.merged:  # families cannot merge what is merged already
            self.model, self.merged = reparameterized(self.model), True
        return self
