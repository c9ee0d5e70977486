"""Exported files and weights files: metadata, the whole file, and a header of safetensors; the first byte chooses."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from search_space.recognizer import build_recognizer
from testing.small_model import SMALL, small_model_metadata
from testing.tiny_model import tiny_model
from trainers.base.errors import UserError
from trainers.export.onnx_file import write_bytes
from trainers.export.plain import plain_bytes
from trainers.inference.checksum import CHECKSUM, UNSEALED, sealed
from trainers.inference.model_metadata import decode_metadata, encode_metadata
from trainers.inference.reader import Reader
from trainers.inherit.relative import Relative
from trainers.inherit.weights_file import WeightsRecord, read_weights, write_weights

FOLDER = Path(tempfile.mkdtemp(prefix="paretext-fuzz-"))
TINY = onnx.load(tiny_model(FOLDER / "tiny.onnx"))
IMAGE = np.full((20, 50), 200, np.uint8)
"""What a reader of a fuzzed file reads."""


def _weights() -> bytes:
    torch.manual_seed(0)
    network = build_recognizer(SMALL, 3)
    file = FOLDER / "seed.safetensors"
    write_weights(file, Relative.of(network, tuple("abc"), None), WeightsRecord(epochs=1, lines=1))
    return file.read_bytes()


WEIGHTS = _weights()
HEADER_BYTES = int.from_bytes(WEIGHTS[:8], "little")


def seeds() -> Iterator[bytes]:
    facts = encode_metadata(small_model_metadata(), "fp32", {"torch": "2"})
    yield b"\x00" + json.dumps(facts).encode()
    yield b"\x00" + json.dumps(facts | {"decoding": "attention", "lineage": '{"parent":"x"}'}).encode()
    yield b"\x00" + json.dumps({prop.key: prop.value for prop in TINY.metadata_props}).encode()
    yield b"\x01" + (FOLDER / "tiny.onnx").read_bytes()
    yield b"\x02" + WEIGHTS[8 : 8 + HEADER_BYTES]


def _read(file: Path) -> None:
    reader = Reader(file)
    reader.read([IMAGE])
    plain_bytes(file)


def _with_facts(facts: dict[Any, Any]) -> Path:
    model = onnx.ModelProto.FromString(TINY.SerializeToString())
    del model.metadata_props[:]
    for key, value in facts.items():
        model.metadata_props.add(key=str(key), value=str(value))
    return write_bytes(model.SerializeToString(), FOLDER / "facts.onnx")


def try_one(data: bytes) -> None:
    if not data:
        return
    what, content = data[0] % 3, data[1:]
    if what == 1:
        # a file of coded weights is sealed; what follows the checksum's test has to be reached, too
        ends = content.endswith(UNSEALED.encode()) and CHECKSUM.encode() in content[-30:]
        _read(write_bytes(sealed(content) if ends else content, FOLDER / "whole.onnx"))
    elif what == 2:
        file = FOLDER / "fuzzed.safetensors"
        file.write_bytes(len(content).to_bytes(8, "little") + content + WEIGHTS[8 + HEADER_BYTES :])
        read_weights(file)
    else:
        try:
            facts = json.loads(content)
        except (ValueError, RecursionError):
            return
        if isinstance(facts, dict):
            texts = {str(key): str(value) for key, value in facts.items()}
            try:
                encode_metadata(decode_metadata(texts, "x"), "fp32", {})
                json.dumps(texts, ensure_ascii=False).encode()
            except (UserError, UnicodeEncodeError):
                return
            _read(_with_facts(texts))
