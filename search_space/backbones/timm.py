"""Any timm model with feature maps, as `timm/<name>`, with text-line strides.

Decisions:
- Necks that tap the last blocks get the model's three coarsest levels (4, 2 and 1 rows at height 32). Necks that tap the
  first blocks get the three before the coarsest (8, 4 and 2 rows), and the coarsest stage, often half the weights, is not
  built. A model with three levels gives those to both kinds of necks.
- Columns: the model itself has time_stride 4 or 8; 12 is a stride of 4 and a last pooling of 3. With the finer levels, 8 is a
  stride of 4 and a last pooling of 2, because the finest level has a fourth of the columns in every family.
- The model keeps its own activations and the attention inside its blocks; our attention is applied to the levels it returns.
- Weights are random unless the recipe asks for pretrained ones (`adopt`), because a search must not depend on downloads.
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
"""Number of levels that a neck gets, counted from the coarsest, by tap."""


@dataclass(frozen=True)
class Facts:
    """Facts about a model, found by running it on the meta device.

    Attributes:
        recording: its strided layers.
        divided: factor by which each of its levels divides the rows, finest first.
    """

    recording: Recording
    divided: tuple[int, ...]


def model_name(backbone: str) -> str:
    """The name in timm of the backbone `timm/<name>`."""
    return backbone.removeprefix("timm/")


@lru_cache(maxsize=2048)
def facts_of(name: str) -> Facts:
    """Finds the facts about a model, once per process.

    Raises:
        Unfit: its strides cannot be changed.
    """
    with torch.device("meta"):
        model: Any = create_features(name, (-1,))
        return Facts(record(model), tuple(int(level["reduction"]) for level in model.feature_info.info))


def level_indices(name: str, tap: Tap) -> tuple[int, ...]:
    """The feature levels of a model that a neck gets, as negative indices."""
    behind = 1 if tap == "first" and len(facts_of(name).divided) > COARSEST[tap] else 0
    return tuple(range(-COARSEST[tap] - behind, -behind))


def column_stride(time_stride: int, tap: Tap) -> int:
    """Columns of the image per column of the model's maps; the last pooling divides them further."""
    return 4 if time_stride == 12 or tap == "first" else time_stride


@lru_cache(maxsize=4096)
def layout_of(name: str, height_px: int, stride: int) -> Layout:
    """The changes of a model that turn `stride` columns of an image of `height_px` rows into one.

    Raises:
        Unfit: the model cannot be changed in this way.
    """
    return layout_for(facts_of(name).recording, height_px, stride)


@backbones.register("timm", Citation("PyTorch Image Models", 2019, "https://doi.org/10.5281/zenodo.4414861"))
class TimmBackbone(Backbone):
    """A timm model. `search_space.rules` refuses models that cannot be used before one is built."""

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
        """Loads pretrained weights. Our attention keeps its random weights.

        Args:
            weights: "timm" for the weights that timm publishes, or a file, as in `pretrained_features`.

        Returns:
            Whether weights were loaded; there are none for other widths than 100 %.

        Raises:
            WeightsUnavailable: the weights cannot be downloaded or read.
        """
        request = self._request
        if request.width_percent != 100:
            return False
        name = model_name(request.name)
        pretrained = pretrained_features(name, level_indices(name, request.tap), weights)
        drop_late_stages(pretrained)
        layout = layout_of(name, request.height_px, column_stride(request.time_stride, request.tap))
        apply_layout(pretrained, facts_of(name).recording, layout)  # it also adds the weights of kernels that become smaller
        self.model.load_state_dict(pretrained.state_dict())
        return True

    def fused_for_export(self) -> nn.Module:
        """Merges the branches of families that have them, and returns the backbone itself."""
        if not self.merged:  # merged branches cannot be merged again
            self.model, self.merged = reparameterized(self.model), True
        return self
