"""The metadata of an exported file: everything a reader needs, and what the file was made from.

Decisions:
- Metadata is plain text in the file's `metadata_props`, one JSON value or word per key, so that any tool can show it.
- The charset is one JSON string, symbols in order: a list would take twice the bytes, up to 4 % of a small file.
- There is no date and no path: the same weights give the same bytes.
- This module imports neither torch nor onnx, since the reader uses it.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from trainers.base.errors import UserError
from trainers.base.preprocess import Contrast, canonical_width

FORMAT, OLDER_FORMATS = "paretext-2", ("paretext-1",)
"""A new format gets a new number when a reader of the old format would misread it; older formats can still be read."""

PIXELS: dict[Contrast, str] = {"plain": "rgb/127.5-1, pad right 0.0", "even": "even rgb, pad right at 0.0"}
"""How pixels become numbers, as files say it. Both texts are equally long, so predicted file sizes are exact for both."""

Precision = Literal["fp32", "fp16", "int8", "int4", "coded"]
Decoding = Literal["ctc", "attention"]

MOST_HEIGHT_PX = 512
"""Rows of an input that are believed, ten times those of a component: a larger image would take gigabytes."""
MOST_TIME_STRIDE = 64
"""Input columns per time step that are believed."""
MOST_REASON = 160
"""Characters of a reason that are shown: it may quote what a stranger wrote."""
LINEAGE_BYTES = 112
"""Bytes to which the text of a lineage is filled with spaces, so that the bytes of a file are known before its parent is. A
parent's name of 40 characters fits."""


@dataclass(frozen=True)
class ModelMetadata:
    """The contents of a model file other than the network.

    Attributes:
        charset: symbols in the order of the network's outputs, one character each; output k + 1 is symbol k.
        normaliser: name of the text normaliser that its labels went through.
        height_px: rows of its input.
        time_stride: input columns per time step.
        architecture: fields and values of the architecture.
        digest: of the architecture.
        data_digest: of the training data.
        decoding: how logits become text.
        contrast: how pixels become numbers.
        lineage: what the network inherited (`trainers.base.lineage.Lineage.scalars`); empty if it began with random weights.
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
    lineage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def canonical_multiple(self) -> int:
        """Columns: an image is padded on the right to a multiple of this many."""
        return canonical_width(1, self.time_stride)


def encode_metadata(metadata: ModelMetadata, precision: str, versions: Mapping[str, str]) -> dict[str, str]:
    """Converts metadata to the texts that are written into a file.

    Args:
        metadata: what to write.
        precision: how the weights are stored.
        versions: library to its version, of the libraries that made the file.

    Returns:
        Key to text, in the order in which they are written.
    """
    texts = {
        "format": FORMAT,
        "charset": _json("".join(metadata.charset)),
        "normaliser": metadata.normaliser,
        "height_px": str(metadata.height_px),
        "time_stride": str(metadata.time_stride),
        "canonical_multiple": str(metadata.canonical_multiple),
        "pixels": PIXELS[metadata.contrast],
        "decoding": metadata.decoding,
        "precision": precision,
        "architecture": _json(dict(metadata.architecture)),
        "digest": metadata.digest,
        "data_digest": metadata.data_digest,
        "versions": _json(dict(versions)),
    }
    if metadata.lineage:
        texts["lineage"] = _filled(dict(metadata.lineage))
    return texts


def _filled(lineage: dict[str, Any]) -> str:
    """A lineage as JSON of `LINEAGE_BYTES`; the end of a long name of the parent is left out."""
    excess = len(_json(lineage).encode()) - LINEAGE_BYTES
    if excess > 0:
        name = str(lineage["parent"]).encode()[: -excess - len("…".encode())].decode(errors="ignore")
        lineage = lineage | {"parent": f"{name}…"}
    text = _json(lineage)
    return text + " " * (LINEAGE_BYTES - len(text.encode()))


def decode_metadata(properties: Mapping[str, str], name: str) -> ModelMetadata:
    """Parses the texts that `encode_metadata` wrote.

    Args:
        properties: key to text, from the file.
        name: what to call the file in a message.

    Raises:
        UserError: the file was made by another program or by a later version of this one, or its metadata is damaged.
    """
    found = properties.get("format")
    if found != FORMAT and found not in OLDER_FORMATS:
        known = f"its format is {str(found)[:MOST_REASON]!r}, this program reads '{FORMAT}'"
        known = "it has no paretext metadata" if found is None else known
        raise UserError(f"{name} is not a model of paretext: {known}; give a file that `paretext` exported")
    try:
        decoding = properties["decoding"]
        if decoding not in get_args(Decoding):
            raise ValueError(decoding)
        return ModelMetadata(
            charset=_symbols(json.loads(properties["charset"])),
            normaliser=properties["normaliser"],
            height_px=_within(properties["height_px"], MOST_HEIGHT_PX),
            time_stride=_within(properties["time_stride"], MOST_TIME_STRIDE),
            architecture=_table(json.loads(properties["architecture"])),
            digest=properties["digest"],
            data_digest=properties["data_digest"],
            decoding="attention" if decoding == "attention" else "ctc",
            contrast="even" if properties["pixels"] == PIXELS["even"] else "plain",
            lineage=_table(json.loads(properties.get("lineage", "{}"))),
        )
    except (KeyError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:MOST_REASON]
        raise UserError(f"{name} has damaged metadata ({reason}); export it again") from None


def _symbols(written: object) -> tuple[str, ...]:
    """A charset: a text, or a list of characters."""
    symbols = tuple(written) if isinstance(written, str | list) else ()
    if not symbols or not all(isinstance(symbol, str) and len(symbol) == 1 for symbol in symbols):
        raise ValueError("its charset is no text")
    if any(unicodedata.category(symbol) in ("Cc", "Cs") for symbol in symbols):
        raise ValueError("its charset has control characters, which a terminal would obey")
    return symbols


def _within(written: str, most: int) -> int:
    """A whole number from 1 to `most`."""
    number = int(written)
    if not 1 <= number <= most:
        raise ValueError(f"{number} is not from 1 to {most}")
    return number


def _table(written: object) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(written, dict):
        raise ValueError("a table is something else")
    return written


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
