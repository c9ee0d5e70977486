"""The rules that refuse an architecture. Each is a few lines and yields its reasons.

Only two rules may import torch: one inspects timm models, and runs only for timm backbones; the other asks components of other
packages whether they can be pruned, and runs only for architectures that are pruned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from search_space.activations import activations
from search_space.attentions import attentions
from search_space.auxiliaries import auxiliaries
from search_space.backbones import backbones
from search_space.backbones._timm_checked import AT_FULL_WIDTH, CUTTABLE, WITH_WIDTHS
from search_space.catalog import Catalog, UnknownComponent, nearest
from search_space.coded_precision import is_coded, reason_against
from search_space.encoders import encoders
from search_space.heads import heads
from search_space.necks import necks
from search_space.poolings import poolings
from search_space.rectifiers import rectifiers

if TYPE_CHECKING:
    from search_space.architecture import Architecture

PRECISIONS = ("fp32", "fp16", "int8", "int4", "coded")
"""How a file may store weights, most precise first. `coded` may name a step, as in `coded_35`."""
PRUNE_CRITERIA = ("l1", "l2", "fpgm", "eagleeye")
"""How the channels to be pruned may be chosen."""

CATALOGS: dict[str, Catalog[Any]] = {
    "backbone": backbones,
    "neck": necks,
    "attention": attentions,
    "activation": activations,
    "pooling": poolings,
    "encoder": encoders,
    "head": heads,
    "rectifier": rectifiers,
    "auxiliary": auxiliaries,
}
"""Architecture field to the catalog of its names."""

PRUNED_WITH_THE_BACKBONE = ("backbone", "neck", "attention", "activation", "pooling")
"""Fields of the components that may declare `prunable = False` (`search_space.contracts`): pruning removes channels of the maps
that they take and give. An encoder or a head that cannot lose inputs keeps them all."""

CHOICES: dict[str, tuple[object, ...]] = {
    "height_px": (32, 48, 64),
    "time_stride": (4, 8, 12),
    "prune_criterion": (None, *PRUNE_CRITERIA),
    "precision": PRECISIONS,
}
"""Field to its values, for fields with a few fixed values."""
RANGES: dict[str, tuple[int, int]] = {
    "width_percent": (10, 125),
    "encoder_hidden": (8, 512),
    "encoder_layers": (1, 4),
    "head_rank": (8, 512),
    "prune_percent": (0, 95),
}
"""Field to its lowest and highest value, for whole numbers."""


def reasons_against(architecture: Architecture) -> list[str]:
    """All reasons why an architecture cannot be built; empty if it can be built."""
    unused = {"encoder_hidden", "encoder_layers"} if architecture.encoder == "none" else set()
    if architecture.head == "ctc":
        unused.add("head_rank")
    own = [r for f in fields(architecture) if f.name not in unused for r in own_reasons(f.name, getattr(architecture, f.name))]
    return own or [reason for rule in RULES for reason in rule(architecture)]


def own_reasons(field: str, value: object) -> Iterator[str]:
    """Reasons why no architecture can have this value in this field."""
    if field in CATALOGS:
        yield from _not_in_catalog(field, value)
    elif field in RANGES:
        low, high = RANGES[field]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            yield f"{field} must be a whole number from {low} to {high}, not {value!r}"
    elif field == "precision" and isinstance(value, str) and is_coded(value) and reason_against(value) is None:
        return
    elif field == "precision" and isinstance(value, str) and (reason := reason_against(value)) is not None:
        yield reason
    elif value not in CHOICES[field] or isinstance(value, bool | float):  # 48.0 equals 48 and has another digest
        known = [str(choice) for choice in CHOICES[field] if choice is not None]
        yield f"{field} must be one of {', '.join(known)}, not {value!r}{nearest(str(value), known)}"


def _not_in_catalog(field: str, value: object) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{field} must be a name, not {value!r}"
        return
    try:
        CATALOGS[field].check("timm" if field == "backbone" and value.startswith("timm/") else value)
    except UnknownComponent as error:
        yield f"{field}: {error}"


def _stride_needs_height(architecture: Architecture) -> Iterator[str]:
    if architecture.time_stride == 12 and architecture.height_px % 48:
        yield f"time_stride 12 needs height_px 48 (three rows and three columns are pooled last), not {architecture.height_px}"


def _pruning_needs_a_criterion(architecture: Architecture) -> Iterator[str]:
    if architecture.prune_percent and architecture.prune_criterion is None:
        yield f"prune_percent {architecture.prune_percent} needs a prune_criterion: one of {', '.join(PRUNE_CRITERIA)}"


def _timm_can_be_cut(architecture: Architecture) -> Iterator[str]:
    name = architecture.backbone.removeprefix("timm/")
    if architecture.prune_percent and name != architecture.backbone and name not in CUTTABLE:
        yield f"{architecture.backbone} cannot be pruned; all backbones of our own can, and of timm's {', '.join(CUTTABLE)}"


def _components_that_cannot_be_pruned(architecture: Architecture) -> Iterator[str]:
    """Asks only components of other packages, because every built-in one can be pruned and looking at it imports torch."""
    if not architecture.prune_percent:
        return
    for field in PRUNED_WITH_THE_BACKBONE:
        catalog, name = CATALOGS[field], getattr(architecture, field)
        if name not in catalog or catalog.is_built_in(name):
            continue
        try:
            component = catalog[name]
        except UnknownComponent as error:
            yield str(error)
        else:
            if not getattr(component, "prunable", True):
                yield f"{field} {name} cannot be pruned; use another one, or prune_percent 0"


def _super_resolution_needs_a_picture(architecture: Architecture) -> Iterator[str]:
    if architecture.auxiliary != "super_resolution":
        return
    if architecture.neck == "none":
        yield "auxiliary super_resolution needs a neck: without one, the map it would draw from has a row or two"
    if architecture.rectifier != "none":
        yield f"auxiliary super_resolution needs rectifier none: {architecture.rectifier} moves its map away from the image"


def _guide_needs_ctc(architecture: Architecture) -> Iterator[str]:
    if architecture.auxiliary == "attention_guide" and architecture.head == "attention":
        yield "auxiliary attention_guide goes with head ctc or ctc_low_rank; head attention is such a decoder already"


def _timm_must_fit(architecture: Architecture) -> Iterator[str]:
    if not architecture.backbone.startswith("timm/"):
        return
    name, full_width = architecture.backbone.removeprefix("timm/"), architecture.width_percent == 100
    if name in WITH_WIDTHS or (name in AT_FULL_WIDTH and full_width):
        return
    if name in AT_FULL_WIDTH:
        yield f"timm/{name} has no width multiplier; use width_percent 100, not {architecture.width_percent}"
        return
    from search_space.backbones._timm_verdicts import reason_against

    tap = "none" if architecture.neck == "none" else necks[architecture.neck].tap
    reason = reason_against(name, architecture.width_percent, tap, architecture.height_px, architecture.time_stride)
    if reason is not None:
        yield reason


RULES: list[Callable[[Architecture], Iterator[str]]] = [
    _stride_needs_height,
    _pruning_needs_a_criterion,
    _timm_can_be_cut,
    _components_that_cannot_be_pruned,
    _super_resolution_needs_a_picture,
    _guide_needs_ctc,
    _timm_must_fit,
]
