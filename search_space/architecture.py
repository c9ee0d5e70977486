"""An architecture: a small, flat, frozen value with every choice that determines a recogniser and its size.

Decisions:
- A field has the same name everywhere: Optuna parameter, TOML key, MLflow param, ONNX metadata.
- Grids are whole numbers (`width_percent`), because with steps of 0.1 equal values can be written differently.
- A field that has no effect takes its neutral value, so that equal networks have equal digests.
- The digest covers only fields that differ from their defaults, so that a new field does not change old digests.
- This module does not import torch, so that making an architecture is fast.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from search_space.catalog import nearest


class RefusedArchitecture(ValueError):
    """The architecture cannot be built; the message has the rule that refuses it and what to use instead."""


@dataclass(frozen=True)
class Architecture:
    """The description of a text-line recogniser.

    Attributes:
        backbone: `mobilenetv3_small`, `mobilenetv3_large`, `resnet18`, `lcnet` or `timm/<name>`.
        width_percent: channels of the backbone, in percent of the channels in its paper, 10 to 125.
        neck: `none`, `fpn_a`, `fpn_b`, `fpn_c`, `fpn_d`.
        attention: channel attention inside the backbone: `none`, `squeeze_excite`, `coordinate`, `eca`.
        activation: `standard` (that of the backbone's paper), `acon_c`, `meta_acon_c`.
        pooling: the last pooling, which leaves one row: `max`, `blur`.
        encoder: relates the time steps to each other: `none`, `gru`, `lstm` (both bidirectional), `svtr`.
        encoder_hidden: features per direction (gru, lstm) or block width (svtr); 0 with `none`.
        encoder_layers: stacked layers or blocks; 0 with `none`.
        head: `ctc`, `ctc_low_rank`, `attention`.
        head_rank: width of the low-rank bottleneck (`ctc_low_rank`) or of the decoder (`attention`); 0 with `ctc`.
        rectifier: straightens the image before the backbone: `none`, `tps`.
        auxiliary: an additional loss in training, which is not exported: `none`, `super_resolution`, `attention_guide`.
        height_px: input height, 32, 48 or 64.
        time_stride: input columns per time step, 4, 8 or 12.
        prune_percent: percentage of the backbone's FLOPs that pruning removes, 0 to 95.
        prune_criterion: `l1`, `l2`, `fpgm`, `eagleeye`; None when nothing is pruned.
        precision: how the exported file stores weights: `fp32`, `fp16`, `int8`, `int4` (as int8, with wide heads in four bits),
            `coded` (in an entropy code), `coded_N` (with a step of N percent; `search_space.coded_precision`).

    Raises:
        RefusedArchitecture: it cannot be built; the message has all reasons.
    """

    backbone: str = "mobilenetv3_small"
    width_percent: int = 100
    neck: str = "none"
    attention: str = "squeeze_excite"
    activation: str = "standard"
    pooling: str = "max"
    encoder: str = "gru"
    encoder_hidden: int = 48
    encoder_layers: int = 2
    head: str = "ctc"
    head_rank: int = 0
    rectifier: str = "none"
    auxiliary: str = "none"
    height_px: int = 32
    time_stride: int = 4
    prune_percent: int = 0
    prune_criterion: str | None = None
    precision: str = "fp32"

    def __post_init__(self) -> None:
        from search_space.rules import reasons_against

        for name, value in _neutral_values(self).items():
            object.__setattr__(self, name, value)
        reasons = reasons_against(self)
        if reasons:
            raise RefusedArchitecture("; ".join(reasons))

    @property
    def digest(self) -> str:
        """A hash of the architecture, 16 hex digits; equal architectures have equal digests."""
        text = json.dumps(self.changed(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def changed(self) -> dict[str, Any]:
        """The fields that differ from their defaults."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}

    def as_dict(self) -> dict[str, Any]:
        """Every field and its value, in declaration order."""
        return asdict(self)

    def with_(self, **changes: Any) -> Architecture:
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def describe(self) -> str:
        """A short description for a table: `mbv3_small 100% fpn_d gru2x48`."""
        short = self.backbone.replace("mobilenetv3_", "mbv3_")
        words = [f"{short} {self.width_percent}%"]
        words += [w for w in (self.neck, self.rectifier) if w != "none"]
        standard_attention = Architecture.__dataclass_fields__["attention"].default
        if self.attention != standard_attention:
            words.append({"none": "no-attention", "coordinate": "coord"}.get(self.attention, self.attention))
        if self.activation != "standard":
            words.append(self.activation)
        if self.pooling != "max":
            words.append(self.pooling)
        if self.encoder != "none":
            words.append(f"{self.encoder}{self.encoder_layers}x{self.encoder_hidden}")
        if self.head != "ctc":
            words.append(f"{self.head}{self.head_rank}")
        if self.auxiliary != "none":
            words.append(f"+{self.auxiliary}")
        if (self.height_px, self.time_stride) != (32, 4):
            words.append(f"{self.height_px}px/{self.time_stride}")
        if self.prune_percent:
            words.append(f"-{self.prune_percent}%{self.prune_criterion}")
        if self.precision != "fp32":
            words.append(self.precision)
        return " ".join(words)

    @property
    def unused_fields(self) -> frozenset[str]:
        """Fields that have no effect in this architecture; they have neutral values, whatever was asked for."""
        return frozenset(_neutral_values(self))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Architecture:
        """Makes an architecture from fields and values; missing fields take their defaults.

        Raises:
            RefusedArchitecture: a field is unknown (the message has the nearest one), or the combination cannot be built.
        """
        known = [f.name for f in fields(cls)]
        unknown = [name for name in values if name not in known]
        if unknown:
            raise RefusedArchitecture("; ".join(f"no field is called '{name}'{nearest(name, known)}" for name in unknown))
        return cls(**values)


def _neutral_values(architecture: Architecture) -> dict[str, Any]:
    """The neutral values of the fields that have no effect in this architecture."""
    neutral: dict[str, Any] = {}
    if architecture.encoder == "none":
        neutral |= {"encoder_hidden": 0, "encoder_layers": 0}
    if architecture.head == "ctc":
        neutral |= {"head_rank": 0}
    if architecture.prune_percent == 0:
        neutral |= {"prune_criterion": None}
    if str(architecture.backbone).startswith("timm/"):
        neutral |= {"activation": "standard"}  # a timm model brings its own activations
    return neutral
