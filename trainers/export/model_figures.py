"""The parameters, FLOPs and file sizes of an architecture, computed before it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from search_space import Architecture
from search_space.counting import flops, parameters
from search_space.recognizer import build_recognizer
from trainers.export.size_estimate import estimate_bytes

REFERENCE_PX = (32, 320)
"""Rows and columns of the image that multiply-adds are counted for; it is enlarged to the input height of a taller model."""


@dataclass(frozen=True)
class ModelFigures:
    """The figures of a known model.

    Attributes:
        name: as in a study's `warm_start`.
        parameters: weights and BatchNorm statistics.
        flops: multiply-adds of the whole model.
        backbone_flops: multiply-adds of its backbone.
        input: (3, rows, columns) of the image that they are counted for.
        bytes_fp32: size of the exported file.
        bytes_fp16: size with weights stored in fp16.
        bytes_int8: size with weights stored in int8.
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
    """Computes the figures of a model from its architecture.

    Args:
        name: name of the model.
        architecture: of the model; its precision is ignored.
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
