"""Which images are equal, or nearly so: the same line recompressed, brightened, or cropped by a pixel or two.

Decisions:
- Both are judged by the image as it was decoded, before any resizing, so the answer is the same at every input height.
- Equal images have equal pixels. Nearly equal ones have the same label, apart from white space and case, and tiny grey
  versions that correlate: two labels that differ in one letter give tiny images that hardly differ.
- Measured on lines of 32 to 70 px (`LEAST_CORRELATION`): recompressed, brightened and cropped by up to 2 px correlate by
  0.84 and more; other pictures with the same label by at most 0.80 (printed codes) and 0.84 (handwritten digits).
- Not every pair is compared. Lines with one label are put into buckets by the signs of random projections of their tiny
  images, several times over, and each is compared with its neighbours in the bucket. The time is linear but for the sorting.

Source: M. S. Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002 (signs of random projections).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TINY_ROWS, TINY_COLUMNS = 8, 24
"""Size of the tiny version: letters of a line still differ, and a crop of a pixel or two moves it by a fraction of a cell."""
SHIFTS = (-0.25, 0.0, 0.25)
"""Parts of a cell that one of two tiny images is moved by, down and across, to make up for a crop; the best counts."""
LEAST_CORRELATION = 0.85
"""Correlation from which two tiny images with one label are taken for the same picture."""
LEAST_UNMOVED_CORRELATION = 0.6
"""Pairs that correlate less before one of them is moved are not looked at any further; moving adds up to 0.15."""
TABLES = 8
"""How often lines are put into buckets: a pair that correlates by 0.9 is in one bucket in about every third table."""
MOST_BITS = 14
"""Signs that name a bucket at most, enough for 100,000 lines with one label."""
NEIGHBOURS = 6
"""Lines of a bucket that are compared with each other. Lines with one label need no buckets while there are no more of them."""
PAIRS_AT_ONCE = 20_000
"""Pairs whose tiny images are in memory at the same time, some 60 MB."""
PROJECTION_SEED = 0
"""Of the directions that tiny images are projected on."""


def image_hash(flat: Image.Image) -> int:
    """64 bits of an image's size and pixels; a grey image has the same in mode L and in mode RGB.

    Args:
        flat: in mode L or RGB, as `flatten` gives it.
    """
    pixels = np.asarray(flat)
    if pixels.ndim == 3 and bool((pixels == pixels[:, :, :1]).all()):
        pixels = pixels[:, :, 0]
    salt = f"{flat.width}x{flat.height}".encode()[:16]
    return int.from_bytes(hashlib.blake2b(pixels.tobytes(), digest_size=8, salt=salt).digest())


def tiny_version(flat: Image.Image) -> bytes:
    """A tiny grey version of an image: `TINY_ROWS` x `TINY_COLUMNS` bytes, row by row."""
    return flat.convert("L").resize((TINY_COLUMNS, TINY_ROWS), Image.Resampling.BOX).tobytes()


def same_pictures(hashes: NDArray[np.uint64], tiny: NDArray[np.uint8], labels: Sequence[str]) -> NDArray[np.int64]:
    """Numbers the pictures of some lines, so that equal and nearly equal images have one number.

    Args:
        hashes: (N,) of `image_hash`.
        tiny: (N, 192) of `tiny_version`.
        labels: N labels.

    Returns:
        (N,) number of each line's picture.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(hashes)
    order = np.argsort(hashes, kind="stable")
    equal = hashes[order][1:] == hashes[order][:-1]
    edges = [np.stack([order[1:][equal], order[:-1][equal]])]
    label_of = np.unique([_comparable(label) for label in labels], return_inverse=True)[1]
    repeated = order[(np.bincount(label_of)[label_of] > 1)[order]]  # by hash, so that the order of the lines is of no account
    if len(repeated):
        units = _standardised(tiny[repeated])
        edges += [repeated[pairs] for pairs in _near_pairs(units, label_of[repeated])]
    ends = np.concatenate(edges, axis=1)
    graph = coo_matrix((np.ones(ends.shape[1], dtype=np.int8), (ends[0], ends[1])), shape=(count, count))
    found: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return found


def _comparable(label: str) -> str:
    """A label without white space, width and case."""
    return "".join(unicodedata.normalize("NFKC", label).casefold().split())


def _near_pairs(units: NDArray[np.float32], label_of: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """(2, pairs) places of lines with one label that show one picture.

    Args:
        units: (M, 192) tiny images, standardised.
        label_of: (M,) number of each line's label.
    """
    rng = np.random.default_rng(PROJECTION_SEED)
    with_label = np.bincount(label_of)[label_of]
    bits = np.ceil(np.log2(np.maximum(1, with_label / NEIGHBOURS))).astype(np.int64).clip(0, MOST_BITS)
    for table in range(TABLES):
        members = np.flatnonzero(bits) if table else np.arange(len(units))
        if not len(members):
            return
        projected = units[members] @ rng.normal(size=(units.shape[1], MOST_BITS + 1)).astype(np.float32)
        signs = (projected[:, :MOST_BITS] > np.median(projected[:, :MOST_BITS], axis=0)).astype(np.int64)
        bucket = (signs << np.arange(MOST_BITS)).sum(axis=1) & ((1 << bits[members]) - 1)
        name = label_of[members] << MOST_BITS | bucket
        sorting = np.lexsort((projected[:, MOST_BITS], name))
        ordered, names = members[sorting], name[sorting]
        for step in range(1, NEIGHBOURS):
            together = names[:-step] == names[step:]
            pairs = np.stack([ordered[:-step][together], ordered[step:][together]])
            for at in range(0, pairs.shape[1], PAIRS_AT_ONCE):
                part = pairs[:, at : at + PAIRS_AT_ONCE]
                part = part[:, _unmoved(units, part) >= LEAST_UNMOVED_CORRELATION]
                yield part[:, _moved_correlation(units, part) >= LEAST_CORRELATION]


def _unmoved(units: NDArray[np.float32], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Correlation of pairs of tiny images."""
    correlation: NDArray[np.float32] = np.einsum("ij,ij->i", units[pairs[0]], units[pairs[1]])
    return correlation


def _moved_correlation(units: NDArray[np.float32], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Correlation of pairs of tiny images, one of them moved so that it is greatest."""
    first, second = units[pairs[0]].reshape(-1, TINY_ROWS, TINY_COLUMNS), units[pairs[1]]
    best = np.full(len(second), -1, dtype=np.float32)
    for down in SHIFTS:
        lowered = _moved(first, down, axis=1)
        for across in SHIFTS:
            moved = _standardised(_moved(lowered, across, axis=2).reshape(second.shape))
            best = np.maximum(best, np.einsum("ij,ij->i", moved, second))
    return best


def _moved(images: NDArray[np.float32], by: float, axis: int) -> NDArray[np.float32]:
    """Images moved by a part of a cell along an axis, between neighbouring cells; the edge is repeated."""
    if by == 0:
        return images
    count = images.shape[axis]
    neighbours = np.clip(np.arange(count) - (1 if by > 0 else -1), 0, count - 1)
    moved: NDArray[np.float32] = np.float32(1 - abs(by)) * images + np.float32(abs(by)) * np.take(images, neighbours, axis=axis)
    return moved


def _standardised(tiny: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Tiny images with mean 0 and length 1, so that a product is a correlation; an even surface is all 0."""
    centred = tiny.astype(np.float32)
    centred -= centred.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    standardised: NDArray[np.float32] = centred / np.maximum(length, np.float32(1e-3))
    return standardised
