"""What an architecture weighs and computes before it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from search_space import Architecture
from search_space.counting import flops, parameters
from search_space.recognizer import build_recognizer
from trainers.export.size_estimate import estimate_bytes

REFERENCE_PX = (32, 320)
"""Rows and columns of the image that multiply-adds are counted for; a taller model sees it enlarged to its height."""


@dataclass(frozen=True)
class ModelFigures:
    """What a known model weighs and computes.

    Attributes:
        name: to use in a study's `warm_start`.
        parameters: learnt numbers plus BatchNorm statistics.
        flops: multiply-adds of the whole model.
        backbone_flops: of its backbone alone.
        input: (3, rows, columns) that they are counted for.
        bytes_fp32: of the exported file.
        bytes_fp16: the same with weights stored in 16 bits.
        bytes_int8: in 8 bits.
        architecture: field to value.
    """

    name: str
    parameters: int
    flops: int
    backbone_flops: int
    input: tuple[int, int, int]
    bytes_fp32: int
    bytes_fp16: int
    bytes_int8: int
    architecture: dict[str, Any]


def figures_of(name: str, architecture: Architecture, symbols: int) -> ModelFigures:
    """What a model weighs and computes, from its architecture alone.

    Args:
        name: what to call it.
        architecture: what it is; its precision does not matter here.
        symbols: characters in the charset.
    """
    with torch.device("meta"):
        recognizer = build_recognizer(architecture, symbols)
    rows, columns = REFERENCE_PX
    width_px = columns * architecture.height_px // rows
    counted = flops(recognizer, architecture.height_px, width_px)
    fp32, fp16, int8 = (estimate_bytes(architecture.with_(precision=p), symbols) for p in ("fp32", "fp16", "int8"))
    return ModelFigures(
        name=name,
        parameters=parameters(recognizer),
        flops=counted.whole,
        backbone_flops=counted.backbone,
        input=(3, architecture.height_px, width_px),
        bytes_fp32=fp32,
        bytes_fp16=fp16,
        bytes_int8=int8,
        architecture=architecture.as_dict(),
    )
