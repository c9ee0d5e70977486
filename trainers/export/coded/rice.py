"""A code for the codes of weights, laid out so that a few array operations decode it: a Rice code, or two bits with an escape.

A code is made positive (0, -1, 1, -2, 2 ... become 0, 1, 2, 3, 4 ...). Then, as its group says:

    Rice code    the lowest `low` bits are stored as they are, and the rest, which is mostly 0 or 1, in unary: as many zeros as
                 it says, and a one
    `ESCAPED`    0, 1 and 2 take two bits; larger ones have both bits set, and what is above 3 in unary

Decisions:
- Not a Huffman code as a tree of bit planes, which takes 3 to 16 KB of nodes. Codes of weights are nearly normal, and the best
  of these forms is within 0.15 bits of the entropy at every step. It has no table, and the same short graph decodes every file.
  89,000 weights of a trained network, in bits:

      step                   50 %   70 %   80 %   100 %  120 %
      entropy                3.05   2.58   2.40   2.09   1.85
      Rice code              3.13   2.71   2.54   2.17   1.93
      two bits, an escape    3.27   2.61   2.44   2.22   2.12

- First come the unary parts of all codes, then a plane of bits for each low bit. Groups with more low bits come first, so that
  a plane covers the codes from the first up to some length: a decoder adds a group when it comes to the plane of its first bit.

Source: R. F. Rice and J. R. Plaunt, Adaptive variable-length coding for efficient compression of spacecraft television data,
1971.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

LOW_BITS = range(13)
"""Numbers of low bits that are tried."""
ESCAPED = -1
"""In place of a number of low bits: two bits with an escape."""
ESCAPE = 3
"""The smallest positive number that has an escape."""


@dataclass(frozen=True)
class Packed:
    """Coded numbers, those with an escape first.

    Attributes:
        data: eight bits a byte, the first bit highest.
        unary: bits of the unary parts, those of escapes last.
        rice: number of low bits, falling, to how many Rice codes have so many.
        escaped: codes of two bits; their plane of high bits comes last but one, that of low bits last.
        escapes: how many of these have an escape.
        largest: the largest positive number.
    """

    data: NDArray[np.uint8]
    unary: int
    rice: dict[int, int]
    escaped: int
    escapes: int
    largest: int

    @property
    def parts(self) -> tuple[int, ...]:
        """Bits of the unary parts, of each plane of low bits (the highest first), of the two bits, and of the padding."""
        planes = (sum(size for low, size in self.rice.items() if low > bit) for bit in self.places)
        used = (self.unary, *planes, *((self.escaped, self.escaped) if self.escaped else ()))
        return *used, 8 * self.data.size - sum(used)

    @property
    def places(self) -> range:
        """The place of each plane of low bits, the highest first; the lowest bit has place 0."""
        return range(max(self.rice, default=0) - 1, -1, -1)


def to_positive(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, -1, 1, -2, 2 ... -> 0, 1, 2, 3, 4 ..."""
    return 2 * np.abs(codes) - (codes < 0)


def best_form(codes: NDArray[np.int64], most: int = LOW_BITS[-1], escape_bytes: float = float("inf")) -> int:
    """The form in which codes take the fewest bits: a number of low bits, or `ESCAPED`.

    Args:
        codes: whole numbers (n,).
        most: low bits at most.
        escape_bytes: what the nodes take that decode escapes.
    """
    positive = to_positive(codes)
    bits: dict[int, float] = {low: low * positive.size + int((positive >> low).sum()) for low in LOW_BITS[: most + 1]}
    more = positive[positive >= ESCAPE]
    bits[ESCAPED] = positive.size + int((more - ESCAPE + 1).sum()) + 8 * escape_bytes  # without the one that each Rice code has
    return min(bits, key=bits.__getitem__)


def pack(groups: Sequence[tuple[NDArray[np.int64], int]]) -> Packed:
    """Packs codes.

    Args:
        groups: codes (n,) and their form, `ESCAPED` first, then those with more low bits before those with fewer.
    """
    escaped = [to_positive(codes) for codes, form in groups if form == ESCAPED]
    rice = [(to_positive(codes), form) for codes, form in groups if form != ESCAPED]
    two_bits = np.concatenate([*escaped, np.zeros(0, np.int64)])
    positive = np.concatenate([*(each for each, _ in rice), np.zeros(0, np.int64)])
    low = np.concatenate([*(np.full(each.size, form, np.int64) for each, form in rice), np.zeros(0, np.int64)])
    sizes = {form: int((low == form).sum()) for form in sorted({form for _, form in rice}, reverse=True)}
    bits = [(positive[low > place] >> place) & 1 for place in range(max(sizes, default=0) - 1, -1, -1)]
    first = np.minimum(two_bits, ESCAPE)
    bits += [first >> 1, first & 1] if escaped else []
    more = two_bits[two_bits >= ESCAPE] - ESCAPE
    ends = np.cumsum(np.concatenate([positive >> low, more]) + 1)
    unary = np.zeros(int(ends[-1]) if ends.size else 0, np.int64)
    unary[ends - 1] = 1
    largest = max(int(positive.max(initial=0)), int(two_bits.max(initial=0)))
    data = np.packbits(np.concatenate([unary, *bits]).astype(np.uint8))
    return Packed(data, unary.size, sizes, two_bits.size, more.size, largest)


def unpack(packed: Packed) -> NDArray[np.int64]:
    """The codes (n,) that `pack` packed: what the ONNX graph computes, in numpy."""
    parts = np.split(np.unpackbits(packed.data).astype(np.int64), np.cumsum(packed.parts)[:-1])
    counts = np.diff(np.flatnonzero(parts[0]), prepend=-1) - 1
    positive, above = np.split(counts, [sum(packed.rice.values())])
    for plane in parts[1 : 1 + len(packed.places)]:
        positive[: plane.size] = 2 * positive[: plane.size] + plane
    if packed.escaped:
        high, low = parts[-3:-1]
        two_bits = 2 * high + low
        two_bits[np.flatnonzero(high & low)] += above
        positive = np.concatenate([two_bits, positive])
    return (positive >> 1) ^ -(positive & 1)


@cache
def expected_bits(step: float) -> float:
    """Bits per weight of normally distributed weights, in the form that takes the fewest.

    The sums take a millisecond for a fine step, and there are three steps in a file with hundreds of weights: it is cached.

    Args:
        step: of the codes, as a fraction of the standard deviation.
    """
    return min(2 + _expected_unary(step, ESCAPE, 1), *(low + 1 + _expected_unary(step, 2**low, 2**low) for low in LOW_BITS))


@cache
def is_escaped(step: float) -> bool:
    """Whether normally distributed weights take the fewest bits with an escape."""
    return expected_bits(step) == 2 + _expected_unary(step, ESCAPE, 1)


def _expected_unary(step: float, first: int, every: int) -> float:
    """Expected bits of a unary part that has one for each of `first`, first + every ... that a positive number reaches."""
    total = 0.0
    while True:
        least = (first + 1) // 2, first // 2 + 1  # of the codes above 0, and of those below
        share = sum(0.5 * erfc((size - 0.5) * step / sqrt(2)) for size in least)
        total += share
        if share < 1e-9:
            return total
        first += every
