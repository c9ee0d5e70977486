"""Checks whether a timm model can read text lines, and says why if it cannot. Called when an `Architecture` is made.

Decisions:
- A model is tested instead of looked up in a list, so new releases of timm need no change here. It is built on the meta device
  with text-line strides and run at two widths and batch sizes. Then it is run with values: as it is, as the exporter traces it,
  and with its branches merged.
- Models in `_timm_checked` are not tested again, so an architecture with one of them costs no time.
- The result is cached for the life of the process.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from search_space.backbones._text_strides import apply_layout
from search_space.backbones._timm_widths import create_at_width, has_widths
from search_space.backbones.timm import column_stride, facts_of, layout_of, level_indices
from search_space.catalog import nearest
from search_space.contracts import Tap
from search_space.timm_adapter import TimmUnavailable, model_names, reparameterized

WIDE, NARROW = 384, 192
MERGING = ("fuse", "reparameterize", "switch_to_deploy")
TOLERANCE = 1e-3
MOST_WEIGHTS = 100_000_000


class _Refused(Exception):
    """The model cannot be used; the message is the reason."""


@lru_cache(maxsize=4096)
def reason_against(name: str, width_percent: int, tap: Tap, height_px: int, time_stride: int) -> str | None:
    """The reason why a timm model cannot be the backbone; None if it can.

    Args:
        name: name of the model in timm.
        width_percent, height_px, time_stride: the fields of the architecture.
        tap: the blocks that the neck reads.
    """
    try:
        if name not in model_names():
            raise _Refused(f"timm has no model '{name}'{nearest(name, list(model_names()))}")
        if width_percent != 100 and not has_widths(name):
            raise _Refused(f"timm/{name} has no width multiplier; use width_percent 100")
        _look_at(name, width_percent, tap, height_px, time_stride)
    except _Refused as refused:
        return str(refused)
    except TimmUnavailable as error:
        return str(error)
    return None


def _look_at(name: str, width_percent: int, tap: Tap, height_px: int, time_stride: int) -> None:
    try:
        with torch.device("meta"):
            create_at_width(name, width_percent, (-1,))
    except Exception as error:
        raise _Refused(f"timm/{name} gives no feature maps at width_percent {width_percent} ({_brief(error)})") from error
    stride = column_stride(time_stride, tap)
    try:
        facts, layout, levels = facts_of(name), layout_of(name, height_px, stride), level_indices(name, tap)
        with torch.device("meta"):
            model: Any = create_at_width(name, width_percent, levels).eval()
        apply_layout(model, facts.recording, layout)
        maps = _shapes(model, 1, height_px, WIDE)
        others = _shapes(model, 2, height_px, NARROW)
    except Exception as error:
        raise _Refused(f"timm/{name} does not run on {height_px} px high lines of any width ({_brief(error)})") from error
    rows = tuple(layout.rows.get(facts.divided[level], 0) for level in levels)
    for shapes, count, columns in ((maps, 1, WIDE // stride), (others, 2, NARROW // stride)):
        wanted = [(count, c, r, columns) for c, r in zip(model.feature_info.channels(), rows, strict=True)]
        if shapes != wanted:
            raise _Refused(f"timm/{name} gives maps of {shapes} where (N, C, H, W) must be {wanted} with text-line strides")
    if any(r % rows[-1] for r in rows):
        raise _Refused(f"timm/{name} gives levels of {rows} rows on {height_px} px high lines, of which necks cannot make one")
    weights = sum(p.numel() for p in model.parameters())
    if weights > MOST_WEIGHTS:
        raise _Refused(f"timm/{name} has {weights / 1e6:.0f} M weights; backbones have {MOST_WEIGHTS / 1e6:.0f} M at most")
    real = create_at_width(name, width_percent, levels).eval()
    apply_layout(real, facts.recording, layout)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of Python numbers in the trace, which this test looks for
        _must_export(name, real, height_px)
        _must_merge(name, real, height_px)


def _shapes(model: nn.Module, count: int, rows: int, columns: int) -> list[tuple[int, ...]]:
    with torch.no_grad():
        return [tuple(m.shape) for m in model(torch.empty(count, 3, rows, columns, device="meta"))]


def _must_export(name: str, model: nn.Module, height_px: int) -> None:
    """Traces the model at one width, as the exporter does, and runs the trace at another."""
    try:
        recorded: Any = torch.jit.trace(  # type: ignore[no-untyped-call]
            _Listed(model), (_image(1, height_px, NARROW),), check_trace=False
        )
        apart = _apart(model(_image(2, height_px, 96)), recorded(_image(2, height_px, 96)))
    except Exception as error:
        raise _Refused(f"timm/{name} cannot be exported for every width: its shapes are fixed ({_brief(error)})") from error
    if apart > TOLERANCE:
        raise _Refused(f"timm/{name} cannot be exported for every width: it computes something else at another one")


class _Listed(nn.Module):
    """Returns the maps of a model as a tuple."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.model(images))


def _must_merge(name: str, model: nn.Module, height_px: int) -> None:
    """Checks that a model of a family with branches computes the same after they are merged."""
    if not any(hasattr(module, method) for module in model.modules() for method in MERGING):
        return
    image = _image(1, height_px, 96)
    try:
        apart = _apart(model(image), reparameterized(copy.deepcopy(model))(image))
    except Exception as error:
        raise _Refused(f"timm/{name} cannot merge its branches with text-line strides ({_brief(error)})") from error
    if apart > TOLERANCE:
        raise _Refused(f"timm/{name} computes something else once its branches are merged with text-line strides")


def _image(count: int, rows: int, columns: int) -> Tensor:
    """Random images, the same at every call."""
    return torch.rand(count, 3, rows, columns, generator=torch.Generator().manual_seed(0)) * 2 - 1


def _apart(maps: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """The largest difference between two lists of maps, relative to the largest value of the first; inf if shapes differ."""
    if any(a.shape != b.shape for a, b in zip(maps, others, strict=True)):
        return float("inf")
    return max(float((a - b).abs().max() / a.abs().max().clamp_min(1e-6)) for a, b in zip(maps, others, strict=True))


def _brief(error: Exception) -> str:
    """The most informative line of an error, cut to the length of a message."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    line = lines[-1] if lines[0].startswith("The following operation failed") else lines[0]
    return line if len(line) <= 120 else f"{line[:117]}..."
