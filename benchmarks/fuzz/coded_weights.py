"""Codes of weights: coded and decoded they come back, and a family of starter weights that was damaged is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import numpy as np

from trainers.export.coded.rice import best_low_bits, pack, unpack
from trainers.inference.checksum import UNSEALED, is_damaged, sealed
from trainers.inherit.family_file import FIRST_LINE, _packed, decode_family

LARGEST = 1 << 20
"""Codes that are tried are from minus to plus half of it."""


HEADER = {
    "tensors": [["a", [2]], ["b", [2, 3]]],
    "networks": [{"architecture": {}, "tensors": [0, 1]}],
    "charset": ["a"],
    "record": {"epochs": 1, "lines": 1},
    "card": {},
}
"""The header of a family with two tensors: two numbers in vectors, two rows, six entries."""


def seeds() -> Iterator[bytes]:
    text = json.dumps(HEADER).encode()
    yield b"\x00" + _packed(text, 0) + b"".join(_packed(bytes(size), 2) for size in (2, 2, 2, 6))
    yield b"\x01" + bytes((2, 2, 2, 6)) + text
    yield b"\x02" + np.arange(-60, 60, dtype=np.int32).tobytes()
    yield b"\x02" + np.zeros(9, np.int32).tobytes()
    yield b"\x03" + b"onnx" * 9


def try_one(data: bytes) -> None:
    if not data:
        return
    what, content = data[0] % 4, data[1:]
    if what < 2:
        parts = b"".join(_packed(bytes(size), 2) for size in content[:4])
        body = content if what == 0 else _packed(content[4:], 0) + parts
        decode_family(FIRST_LINE + hashlib.sha256(body).hexdigest().encode() + b"\n" + body, "x")
    elif what == 2:
        codes = np.frombuffer(content[: len(content) // 4 * 4], np.int32).astype(np.int64) % LARGEST - LARGEST // 2
        codes >>= content[0] % 20 if content else 0
        groups = [part for part in np.array_split(codes, 2) if part.size]
        if groups:
            low = sorted((best_low_bits(part) for part in groups), reverse=True)
            if max(int(np.abs(part).max()) >> bits for part, bits in zip(groups, low, strict=True)) < 1 << 12:
                assert np.array_equal(unpack(pack(list(zip(groups, low, strict=True)))), codes)
    else:
        entry = b"\x0a\x05crc32\x12\x08"
        whole = sealed(content + entry + UNSEALED.encode())
        assert not is_damaged(whole)
        if content:
            assert is_damaged(bytes([whole[0] ^ 1]) + whole[1:])
