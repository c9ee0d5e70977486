"""Finds equal and nearly equal images: the same line recompressed, brightened, or cropped by a pixel or two.

Decisions:
- Images are compared as they were decoded, before any resizing, so the result is the same at every input height.
- Equal images have equal pixels. Nearly equal images have the same label, apart from white space and case, and tiny grey
  versions that correlate. The labels must agree because texts that differ in one letter have almost equal tiny images.
- Measured on lines of 32 to 70 px (`LEAST_CORRELATION`): copies that are recompressed, brightened and cropped by up to 2 px
  correlate by at least 0.84; other images with the same label by at most 0.80 (printed codes) and 0.84 (handwritten digits).
- Not all pairs are compared. Lines with one label are hashed into buckets several times, by the signs of random projections of
  their tiny images, and each is compared with its neighbours in the bucket. Apart from the sorting, the time is linear.

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
"""Size of the tiny version: large enough to distinguish lines, small enough that a crop of 2 px moves it by less than a
cell."""
SHIFTS = (-0.25, 0.0, 0.25)
"""Fractions of a cell by which one of two tiny images is shifted, vertically and horizontally, to compensate for a crop. The
largest correlation of all shifts counts."""
LEAST_CORRELATION = 0.85
"""Two tiny images with one label show the same picture if they correlate by at least this (measured, see above)."""
LEAST_UNMOVED_CORRELATION = 0.6
"""Pairs that correlate by less than this without a shift are not compared further, since a shift adds at most 0.15."""
TABLES = 8
"""Number of hash tables. A pair that correlates by 0.9 shares a bucket in about every third table."""
MOST_BITS = 14
"""Largest number of bits of a hash, enough for 100,000 lines with one label."""
NEIGHBOURS = 6
"""Number of neighbours in a bucket that a line is compared with. Up to so many lines with one label are all compared."""
PAIRS_AT_ONCE = 20_000
"""Number of pairs whose tiny images are in memory at the same time, about 60 MB."""
PROJECTION_SEED = 0
"""Seed of the random projections; fixed, so that the same images are found on every machine."""


def image_hash(flat: Image.Image) -> int:
    """Hashes the size and the pixels of an image to 64 bits. A grey image has the same hash in mode L and in mode RGB.

    Args:
        flat: image in mode L or RGB, from `flatten`.
    """
    pixels = np.asarray(flat)
    if pixels.ndim == 3 and bool((pixels == pixels[:, :, :1]).all()):
        pixels = pixels[:, :, 0]
    salt = f"{flat.width}x{flat.height}".encode()[:16]
    return int.from_bytes(hashlib.blake2b(pixels.tobytes(), digest_size=8, salt=salt).digest())


def tiny_version(flat: Image.Image) -> bytes:
    """Scales an image down to a tiny grey version of `TINY_ROWS` x `TINY_COLUMNS` bytes, row by row."""
    return flat.convert("L").resize((TINY_COLUMNS, TINY_ROWS), Image.Resampling.BOX).tobytes()


def same_pictures(hashes: NDArray[np.uint64], tiny: NDArray[np.uint8], labels: Sequence[str]) -> NDArray[np.int64]:
    """Numbers lines so that lines with equal and nearly equal images have the same number.

    Args:
        hashes: (N,) hashes from `image_hash`.
        tiny: (N, 192) tiny versions from `tiny_version`.
        labels: N labels.

    Returns:
        (N,) number of the picture that each line shows.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(hashes)
    order = np.argsort(hashes, kind="stable")
    equal = hashes[order][1:] == hashes[order][:-1]
    edges = [np.stack([order[1:][equal], order[:-1][equal]])]
    label_of = np.unique([_comparable(label) for label in labels], return_inverse=True)[1]
    repeated = order[(np.bincount(label_of)[label_of] > 1)[order]]  # by hash: the order of the lines does not matter
    if len(repeated):
        units = _standardised(tiny[repeated])
        edges += [repeated[pairs] for pairs in _near_pairs(units, label_of[repeated])]
    ends = np.concatenate(edges, axis=1)
    graph = coo_matrix((np.ones(ends.shape[1], dtype=np.int8), (ends[0], ends[1])), shape=(count, count))
    found: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return found


def _comparable(label: str) -> str:
    """Removes white space and differences of width and case from a label."""
    return "".join(unicodedata.normalize("NFKC", label).casefold().split())


def _near_pairs(units: NDArray[np.float32], label_of: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Finds pairs of lines with one label that show one picture.

    Args:
        units: (M, 192) tiny images, standardised.
        label_of: (M,) number of the label of each line.

    Returns:
        (2, pairs) indices of the lines.
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
    """The largest correlation of pairs of tiny images over all shifts of one of them."""
    first, second = units[pairs[0]].reshape(-1, TINY_ROWS, TINY_COLUMNS), units[pairs[1]]
    best = np.full(len(second), -1, dtype=np.float32)
    for down in SHIFTS:
        lowered = _moved(first, down, axis=1)
        for across in SHIFTS:
            moved = _standardised(_moved(lowered, across, axis=2).reshape(second.shape))
            best = np.maximum(best, np.einsum("ij,ij->i", moved, second))
    return best


def _moved(images: NDArray[np.float32], by: float, axis: int) -> NDArray[np.float32]:
    """Shifts images by a fraction of a cell along an axis, with linear interpolation; the edge is repeated."""
    if by == 0:
        return images
    count = images.shape[axis]
    neighbours = np.clip(np.arange(count) - (1 if by > 0 else -1), 0, count - 1)
    moved: NDArray[np.float32] = np.float32(1 - abs(by)) * images + np.float32(abs(by)) * np.take(images, neighbours, axis=axis)
    return moved


def _standardised(tiny: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Scales tiny images to mean 0 and norm 1, so that a dot product is a correlation; a uniform image becomes all 0."""
    centred = tiny.astype(np.float32)
    centred -= centred.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    standardised: NDArray[np.float32] = centred / np.maximum(length, np.float32(1e-3))
    return standardised
