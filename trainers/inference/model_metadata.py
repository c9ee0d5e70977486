"""What an exported file says about itself: everything a reader needs, and what it was made from.

Decisions:
- Plain text in the file's `metadata_props`, one JSON value or word per key, so any tool can look.
- The charset is one JSON string, symbols in order: a list would take twice the bytes, up to 4 % of a small file.
- No date and no path: the same weights give the same bytes.
- No torch and no onnx in here: the reader uses it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from trainers.base.errors import UserError
from trainers.base.preprocess import Contrast, canonical_width

FORMAT, OLDER_FORMATS = "paretext-2", ("paretext-1",)
"""Raised when a reader of the old format would misread a file of the new one."""

PIXELS: dict[Contrast, str] = {"plain": "rgb/127.5-1, pad right 0.0", "even": "even rgb, pad right at 0.0"}
"""How pixels become numbers, as files say it; equally long, so that sizes told before training are exact for both."""

Precision = Literal["fp32", "fp16", "int8", "int4"]
Decoding = Literal["ctc", "attention"]


@dataclass(frozen=True)
class ModelMetadata:
    """What goes into a model file beside its weights.

    Attributes:
        charset: symbols in the order of the network's outputs, one character each; output k + 1 is symbol k.
        normaliser: name of the text normaliser that its labels went through.
        height_px: rows of its input.
        time_stride: input columns per time step.
        architecture: fields and values of the architecture.
        digest: the architecture's.
        data_digest: of the training data.
        decoding: how logits become text.
        contrast: how pixels become numbers.
    """

    charset: tuple[str, ...]
    normaliser: str
    height_px: int
    time_stride: int
    architecture: Mapping[str, Any]
    digest: str
    data_digest: str
    decoding: Decoding = "ctc"
    contrast: Contrast = "plain"

    @property
    def canonical_multiple(self) -> int:
        """Columns: an image is padded on the right to a multiple of this many."""
        return canonical_width(1, self.time_stride)


def metadata_of(facts: ModelMetadata, precision: str, versions: Mapping[str, str]) -> dict[str, str]:
    """Key to text, in the order in which they are written.

    Args:
        facts: what to write.
        precision: how the weights are stored.
        versions: library to version that made the file.
    """
    return {
        "format": FORMAT,
        "charset": _json("".join(facts.charset)),
        "normaliser": facts.normaliser,
        "height_px": str(facts.height_px),
        "time_stride": str(facts.time_stride),
        "canonical_multiple": str(facts.canonical_multiple),
        "pixels": PIXELS[facts.contrast],
        "decoding": facts.decoding,
        "precision": precision,
        "architecture": _json(dict(facts.architecture)),
        "digest": facts.digest,
        "data_digest": facts.data_digest,
        "versions": _json(dict(versions)),
    }


def facts_from(metadata: Mapping[str, str], name: str) -> ModelMetadata:
    """The facts in a file's metadata.

    Args:
        metadata: as `metadata_of` wrote it.
        name: what to call the file in a message.

    Raises:
        UserError: the file was not made by this program, or by a later one.
    """
    found = metadata.get("format")
    if found != FORMAT and found not in OLDER_FORMATS:
        known = "it has no paretext metadata" if found is None else f"its format is '{found}', this program reads '{FORMAT}'"
        raise UserError(f"{name} is not a model of paretext: {known}; give a file that `paretext` exported")
    try:
        decoding = metadata["decoding"]
        if decoding not in get_args(Decoding):
            raise ValueError(decoding)
        return ModelMetadata(
            charset=tuple(json.loads(metadata["charset"])),
            normaliser=metadata["normaliser"],
            height_px=int(metadata["height_px"]),
            time_stride=int(metadata["time_stride"]),
            architecture=json.loads(metadata["architecture"]),
            digest=metadata["digest"],
            data_digest=metadata["data_digest"],
            decoding="attention" if decoding == "attention" else "ctc",
            contrast="even" if metadata["pixels"] == PIXELS["even"] else "plain",
        )
    except (KeyError, ValueError) as error:
        raise UserError(f"{name} has damaged metadata ({error}); export it again") from None


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
