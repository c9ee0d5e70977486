"""Files of weights that many networks share: each tensor once, in three to five bits a weight.

Decisions:
- A matrix or kernel is rounded to multiples of a step: for each output channel (axis 0) a fraction of the standard deviation of
  its weights, as a power of 2^(1/4). Vectors (biases, BatchNorm) are fp16.
- The entropy coder is zlib's Huffman code alone. With normally distributed weights it comes within 0.05 bits a weight of the
  entropy, is 4 % smaller than lzma and 8 % than bz2, and is read several times faster.
- BatchNorm statistics are not stored: those of a slice are not a slice of those of the whole. They are 0 and 1 when the file is
  read, and have to be measured with training lines (`trainers.pruning.recalibrate`).
- Nothing in the file is executed, its hash is checked, and nothing is decompressed beyond the size that is expected.

Source: step relative to the standard deviation, then entropy coding: Han et al., Deep Compression, 2016 (arXiv:1510.00149).
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from search_space.architecture import Architecture
from trainers.base.errors import UserError
from trainers.inherit.weights_file import WeightsRecord

FIRST_LINE = b"paretext family of weights 1, sha256 "
"""Beginning of a file, with the version of the format; the hash of all that follows the line comes next."""
STEP = 0.35
"""Default step in standard deviations: 3.5 bits a weight, with an error of a tenth of the standard deviation."""
STEPS_PER_OCTAVE = 4
"""Steps are powers of 2 to the power of a quarter: as an exponent, a step takes one byte before entropy coding."""
LARGEST = 127
"""Largest integer of a weight; a row with a larger one gets a larger step."""
MOST_BYTES = 16 << 20
"""Size of a file that is read: ten times that of the largest family of the package."""
MOST_HEADER_BYTES = 4 << 20
"""Size of the header after decompression."""
MOST_WEIGHTS = 64 << 20
"""Weights that a file may have: ten times those of the largest family of the package."""


@dataclass(frozen=True)
class SharedNetwork:
    """One network of a family.

    Attributes:
        architecture: of the network.
        parameters: name to tensor; networks of one family have tensors in common.
    """

    architecture: Architecture
    parameters: Mapping[str, Tensor]


@dataclass(frozen=True)
class WeightsFamily:
    """Networks that share weights.

    Attributes:
        networks: the main one first.
        charset: symbols of all of them, in the order of their outputs.
        record: how the weights came about.
        card: what the weights were trained on and how well they read, as plain JSON.
    """

    networks: tuple[SharedNetwork, ...]
    charset: tuple[str, ...]
    record: WeightsRecord
    card: Mapping[str, Any] = field(default_factory=dict)


def encode_family(family: WeightsFamily, step: float = STEP) -> bytes:
    """Packs a family; equal weights give equal bytes.

    Args:
        family: tensors of one name with equal values are stored once.
        step: between two stored values of a weight, in standard deviations of the weights of its output channel.

    Raises:
        ValueError: a weight is not finite, or a vector beyond the range of fp16.
    """
    tensors: dict[tuple[str, bytes], int] = {}
    stored: list[tuple[str, NDArray[np.float32]]] = []
    members = []
    for network in family.networks:
        places = []
        for name, tensor in network.parameters.items():
            values = tensor.detach().cpu().float().numpy()
            key = (name, values.tobytes())
            if key not in tensors:
                tensors[key] = len(stored)
                stored.append((name, values))
            places.append(tensors[key])
        members.append({"architecture": network.architecture.changed(), "tensors": places})
    header = {
        "charset": "".join(family.charset),
        "record": family.record.as_dict(),
        "card": dict(family.card),
        "tensors": [[name, list(values.shape)] for name, values in stored],
        "networks": members,
    }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    body = _packed(text, zlib.Z_DEFAULT_STRATEGY)
    body += b"".join(_packed(part, zlib.Z_HUFFMAN_ONLY) for part in _numbers([values for _, values in stored], step))
    return FIRST_LINE + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def decode_family(content: bytes, name: str) -> WeightsFamily:
    """Unpacks a family; networks share their tensors, which are fp32.

    Args:
        content: what `encode_family` gave.
        name: of the file, for messages.

    Raises:
        UserError: it is not such a file, another version wrote it, or it is damaged.
    """
    first, _, body = content.partition(b"\n")
    if len(content) > MOST_BYTES or not first.startswith(FIRST_LINE):
        raise UserError(f"{name} is not a file of starter weights that this version reads; install Paretext again")
    if first != FIRST_LINE + hashlib.sha256(body).hexdigest().encode():
        raise UserError(f"{name} is damaged (it does not have the recorded hash); install Paretext again")
    try:
        return _decoded(body)
    except Exception as error:  # a hash proves nothing about who wrote it
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{name} is damaged ({reason}); install Paretext again") from None


def _decoded(body: bytes) -> WeightsFamily:
    text, body = _unpacked(body, MOST_HEADER_BYTES)
    header = json.loads(text)
    shapes: list[tuple[str, tuple[int, ...]]] = [(str(name), tuple(map(int, shape))) for name, shape in header["tensors"]]
    if any(size < 1 for _, shape in shapes for size in shape) or sum(prod(shape) for _, shape in shapes) > MOST_WEIGHTS:
        raise ValueError("its tensors are too large")
    vectors = sum(prod(shape) for _, shape in shapes if len(shape) < 2)
    rows = sum(shape[0] for _, shape in shapes if len(shape) > 1)
    entries = sum(prod(shape) for _, shape in shapes if len(shape) > 1)
    parts = []
    for size in (vectors, vectors, rows, entries):
        part, body = _unpacked(body, size)
        if len(part) != size:
            raise ValueError("a part of it is too short")
        parts.append(np.frombuffer(part, np.uint8))
    halves = np.ascontiguousarray(np.stack([parts[1], parts[0]], axis=1)).view("<f2").reshape(-1).astype(np.float32)
    tensors = _tensors(shapes, halves, parts[2].view(np.int8), parts[3].view(np.int8))
    networks = tuple(
        SharedNetwork(Architecture.from_dict(member["architecture"]), {shapes[i][0]: tensors[i] for i in member["tensors"]})
        for member in header["networks"]
    )
    return WeightsFamily(networks, tuple(header["charset"]), WeightsRecord.from_dict(header["record"]), header["card"])


def _tensors(
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    halves: NDArray[np.float32],
    exponents: NDArray[np.int8],
    integers: NDArray[np.int8],
) -> list[Tensor]:
    """Cuts the parts of a file into tensors."""
    steps = np.exp2(exponents.astype(np.float32) / STEPS_PER_OCTAVE)
    tensors, at = [], [0, 0, 0]
    for _, shape in shapes:
        size = prod(shape)
        if len(shape) < 2:
            values = halves[at[0] : at[0] + size].reshape(shape)
            at[0] += size
        else:
            rows = steps[at[1] : at[1] + shape[0]].reshape(-1, 1)
            values = np.asarray(integers[at[2] : at[2] + size].reshape(shape[0], -1) * rows, np.float32).reshape(shape)
            at[1], at[2] = at[1] + shape[0], at[2] + size
        tensors.append(torch.from_numpy(values.copy()))
    return tensors


def _numbers(tensors: Sequence[NDArray[np.float32]], step: float) -> tuple[bytes, bytes, bytes, bytes]:
    """The numbers of a file: high bytes and low bytes of the vectors, exponents of the steps, and weights in steps.

    Raises:
        ValueError: a weight is not finite.
    """
    rounded = [_rounded(values, step) for values in tensors if values.ndim > 1]
    halves = b"".join(values.astype("<f2").tobytes() for values in tensors if values.ndim < 2)
    if not np.isfinite(np.frombuffer(halves, "<f2")).all():
        raise ValueError("a vector has values that are not finite in fp16")
    exponents, integers = (b"".join(parts[i].tobytes() for parts in rounded) for i in (0, 1))
    return halves[1::2], halves[::2], exponents, integers


def _rounded(values: NDArray[np.float32], step: float) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Exponents of the steps of each row, and the weights in steps.

    Raises:
        ValueError: a weight is not finite.
    """
    rows = values.reshape(len(values), -1).astype(np.float64)
    if not np.isfinite(rows).all():
        raise ValueError("a matrix has values that are not finite")
    tiny = np.finfo(np.float32).tiny
    wanted = np.rint(STEPS_PER_OCTAVE * np.log2(np.maximum(step * rows.std(axis=1), tiny)))
    needed = np.ceil(STEPS_PER_OCTAVE * np.log2(np.maximum(np.abs(rows).max(axis=1) / LARGEST, tiny)))
    exponents = np.clip(np.maximum(wanted, needed), -LARGEST, LARGEST).astype(np.int8)
    integers = np.rint(rows / np.exp2(exponents / STEPS_PER_OCTAVE)[:, None])
    return exponents, np.clip(integers, -LARGEST, LARGEST).astype(np.int8)


def _packed(data: bytes, strategy: int) -> bytes:
    """A part of a file: its compressed size in 4 bytes, then itself."""
    coder = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
    compressed = coder.compress(data) + coder.flush()
    return len(compressed).to_bytes(4, "little") + compressed


def _unpacked(body: bytes, most_bytes: int) -> tuple[bytes, bytes]:
    """The first part of what is left of a file, and the rest.

    Raises:
        ValueError: the part is larger than `most_bytes`.
        zlib.error: it is damaged.
    """
    size = int.from_bytes(body[:4], "little")
    coder = zlib.decompressobj()
    data = coder.decompress(body[4 : 4 + size], most_bytes + 1)
    if len(data) > most_bytes or not coder.eof:
        raise ValueError("a part of it is larger than its tensors, or cut off")
    return data, body[4 + size :]
