"""The parameters, FLOPs and file sizes of an architecture, computed before it is trained.

To compute those of all known models takes torch and seven seconds. `model_figures.json` beside this file has them for the
charset of the published models; `python -m trainers.export.model_figures` writes it. What is not in it, such as other charsets,
is computed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from search_space import Architecture, zoo
from search_space.zoo.seed import SYMBOLS

TABLE = Path(__file__).with_name("model_figures.json")
"""The figures of the known models with the charset of the published ones."""
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
    """The figures of a model.

    Args:
        name: name of the model.
        architecture: of the model; its precision is ignored.
        symbols: characters in the charset.
    """
    known = _table().get(name) if symbols == SYMBOLS else None
    if known is not None and known.architecture == architecture.as_dict():
        return known
    return computed(name, architecture, symbols)


def computed(name: str, architecture: Architecture, symbols: int) -> ModelFigures:
    """Computes the figures of a model from its architecture.

    Args:
        name: name of the model.
        architecture: of the model; its precision is ignored.
        symbols: characters in the charset.
    """
    import torch  # as the other imports here, not needed for what is in the table

    from search_space.counting import flops, parameters
    from search_space.fusing import fuse_in_place
    from search_space.recognizer import build_recognizer
    from trainers.export.size_estimate import estimate_bytes

    with torch.device("meta"):
        recognizer = build_recognizer(architecture, symbols)
    rows, columns = REFERENCE_PX
    width_px = columns * architecture.height_px // rows
    trained = parameters(recognizer)
    counted = flops(fuse_in_place(recognizer), architecture.height_px, width_px)
    fp32, fp16, int8 = (estimate_bytes(architecture.with_(precision=p), symbols) for p in ("fp32", "fp16", "int8"))
    return ModelFigures(
        name=name,
        parameters=trained,
        flops=counted.whole,
        backbone_flops=counted.backbone,
        input=(3, architecture.height_px, width_px),
        bytes_fp32=fp32,
        bytes_fp16=fp16,
        bytes_int8=int8,
        architecture=architecture.as_dict(),
    )


def write_table(file: Path = TABLE) -> None:
    """Computes and writes the figures of all known models."""
    rows = [asdict(computed(name, zoo.architecture(name), SYMBOLS)) for name in zoo.names()]
    file.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n", encoding="utf-8")


@cache
def _table() -> dict[str, ModelFigures]:
    """Name of a known model to its figures."""
    rows = json.loads(TABLE.read_text(encoding="utf-8"))
    return {row["name"]: ModelFigures(**row | {"input": tuple(row["input"])}) for row in rows}


if __name__ == "__main__":
    write_table()
