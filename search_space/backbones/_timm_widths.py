"""Width multipliers of timm's families: builds a model at `width_percent`.

Decisions:
- A family's public arguments are used if it has them (`dims`, `embed_dim`, `base_dim`, `width_mult`, `width_factor`). Otherwise
  the function behind the public names is called, which takes the multiplier that is part of the name.
- A family that is not listed here can only be used at 100 %, because scaling its layers from outside would break its blocks.
- 100 % is always the model of that name in timm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from search_space.blocks import make_divisible
from search_space.timm_adapter import builder_function, create_features

TINYNETS = {"a": (1.0, 1.2), "b": (0.75, 1.1), "c": (0.54, 0.85), "d": (0.54, 0.695), "e": (0.51, 0.6)}
"""Width and depth multipliers of each model, as in `timm.models.efficientnet`."""


@dataclass(frozen=True)
class Builder:
    """A function of timm that builds a model with a width multiplier.

    Attributes:
        module, function: module in `timm.models`, and name of the function.
        argument: name of the multiplier's argument.
    """

    module: str
    function: str
    argument: str = "channel_multiplier"


BUILDERS: dict[str, Builder] = {
    r"lcnet_(\d{3})": Builder("mobilenetv3", "_gen_lcnet"),
    r"mobilenetv3_(?:small|large)_(\d{3})": Builder("mobilenetv3", "_gen_mobilenet_v3"),
    r"mobilenetv4_conv_(?:small|medium|large)(?:_(\d{3}))?": Builder("mobilenetv3", "_gen_mobilenet_v4"),
    r"mobilenetv2_(\d{3})": Builder("efficientnet", "_gen_mobilenet_v2"),
    r"efficientnet_lite0": Builder("efficientnet", "_gen_efficientnet_lite"),
    r"tinynet_[a-e]": Builder("efficientnet", "_gen_tinynet", "model_width"),
    r"ghostnet_(\d{3})": Builder("ghostnet", "_create_ghostnet", "width"),
    r"repghostnet_(\d{3})": Builder("repghost", "_create_repghostnet", "width"),
}
"""Pattern of the model's name to its builder; a group of three digits is the multiplier built into the name."""

CHANNEL_ARGUMENTS = {r"convnext(?:v2)?_": "dims", r"edgenext_": "dims", r"repvit_": "embed_dim"}
"""Pattern of the model's name to the argument that lists the channels of its levels."""


def has_widths(name: str) -> bool:
    """Whether a model can be built at other widths than 100 %."""
    builder = _builder(name)
    if builder is not None:
        return builder_function(builder.module, builder.function) is not None
    return any(re.match(p, name) for p in (*CHANNEL_ARGUMENTS, r"starnet_", r"rexnet_\d{3}$", r"mobileone_"))


def create_at_width(name: str, width_percent: int, out_indices: tuple[int, ...]) -> nn.Module:
    """Builds a timm model at a width, which returns feature maps. Stages after the last of these maps are left out.

    Args:
        name: a timm model; `has_widths` must hold unless `width_percent` is 100.
        width_percent: channels, in percent of those of the named model.
        out_indices: indices of the feature levels.
    """
    share = width_percent / 100
    builder = _builder(name)
    if width_percent == 100:
        model = create_features(name, out_indices)
    elif builder is not None:
        build = builder_function(builder.module, builder.function)
        arguments: dict[str, Any] = {builder.argument: share * _built_in(name), "pretrained": False}
        if name.startswith("tinynet_"):
            arguments["depth_multiplier"] = TINYNETS[name[-1]][1]
        model = build(name, features_only=True, out_indices=out_indices, **arguments)
    else:
        model = create_features(name, out_indices, **_public_arguments(name, share))
    drop_late_stages(model)
    return model


def drop_late_stages(model: Any) -> None:
    """Removes stages after the last feature level. Families like EfficientNet build and run them; other families do not."""
    stages = getattr(model, "_stage_out_idx", None)
    if stages is not None and isinstance(getattr(model, "blocks", None), nn.Sequential):
        model.blocks = model.blocks[: max(stages)]


def _builder(name: str) -> Builder | None:
    return next((builder for pattern, builder in BUILDERS.items() if re.fullmatch(pattern, name)), None)


def _built_in(name: str) -> float:
    """The width multiplier that is part of a model's name."""
    if name.startswith("tinynet_"):
        return TINYNETS[name[-1]][0]
    digits = re.search(r"_(\d{3})$", name)
    return int(digits[1]) / 100 if digits else 1.0


def _public_arguments(name: str, share: float) -> dict[str, Any]:
    """The arguments of `create_model` for a width."""
    if name.startswith("rexnet_"):
        return {"width_mult": share * int(name[-3:]) / 100}
    if name.startswith("mobileone_"):
        return {"width_factor": share, "stem_chs": make_divisible(_channels(name)[0] * share) / share}
    if name.startswith("starnet_"):
        return {"base_dim": make_divisible(_channels(name)[0] * share, 4)}
    argument = next(a for pattern, a in CHANNEL_ARGUMENTS.items() if re.match(pattern, name))
    return {argument: tuple(make_divisible(c * share) for c in _channels(name))}


@lru_cache(maxsize=256)
def _channels(name: str) -> tuple[int, ...]:
    """Channels of all levels at 100 %."""
    with torch.device("meta"):
        model: Any = create_features(name, (0, 1, 2, 3))
    return tuple(model.feature_info.channels())
