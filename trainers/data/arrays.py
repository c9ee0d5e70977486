"""Decoded lines with their labels: a selection from one or several cache entries."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.architecture import Architecture
from search_space.time_steps import steps_at, steps_needed
from trainers.base.preprocess import canonical_width
from trainers.data.cache import CacheEntry
from trainers.data.near_equal import TINY_COLUMNS, TINY_ROWS


def writable_lines(
    architecture: Architecture, labels: Sequence[Sequence[object]], widths: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Finds the labels that a recogniser can write: those that fit its CTC time steps, or the steps of an attention decoder.

    Args:
        architecture: of the recogniser.
        labels: N labels, as characters or as indices.
        widths: (N,) columns of each image, before padding.

    Returns:
        (N,) whether each label can be written.
    """
    stride = architecture.time_stride
    needed = np.array([steps_needed(architecture, label) for label in labels], dtype=np.int64)
    given = np.array([steps_at(architecture, canonical_width(int(width), stride)) for width in widths], dtype=np.int64)
    return needed <= given


class LineArrays:
    """Decoded lines, in the order of their sources.

    Attributes:
        texts: normalised label of each line.
        widths: (N,) int32 columns of each image.
        contents: (N,) uint64, a hash of each image's pixels.
        originals: (N,) uint64, a hash of each image as it was decoded, before resizing.
        weights: (N,) float32 with mean 1, relative sampling frequency of each line; None samples all lines equally often.
        normaliser: name of the normaliser of the labels; readings go through it before they are compared with them.
    """

    def __init__(
        self,
        stores: Sequence[CacheEntry],
        at: NDArray[np.int64],
        texts: Sequence[str],
        weights: NDArray[np.float32] | None = None,
        normaliser: str = "none",
    ) -> None:
        """Selects lines from cache entries.

        Args:
            stores: cache entries with the lines.
            at: (N, 2) position of the entry in `stores`, and position of the line in the entry.
            texts: N labels.
            weights: (N,) relative sampling frequency of each line, with mean 1.
            normaliser: name of the normaliser that the labels went through.
        """
        self._stores = stores
        self._at = at
        self.texts = list(texts)
        self.widths: NDArray[np.int32] = self._gather("widths", np.int32)
        self.contents: NDArray[np.uint64] = self._gather("contents", np.uint64)
        self.originals: NDArray[np.uint64] = self._gather("originals", np.uint64)
        self.weights, self.normaliser = weights, normaliser

    def _gather(self, column: str, kind: type) -> NDArray[Any]:
        gathered: NDArray[Any] = np.zeros(len(self._at), dtype=kind)
        for number, store in enumerate(self._stores):
            mine = self._at[:, 0] == number
            gathered[mine] = getattr(store, column)[self._at[mine, 1]]
        return gathered

    def __len__(self) -> int:
        return len(self._at)

    def is_current(self) -> bool:
        """Whether the cache entries of all lines are unchanged since they were opened."""
        return all(store.is_current() for store in self._stores)

    def _where(self, i: int) -> tuple[CacheEntry, int]:
        store, place = self._at[i]
        return self._stores[store], int(place)

    def text(self, i: int) -> str:
        """Label of a line."""
        return self.texts[i]

    def name(self, i: int) -> str:
        """Name of the line in its source."""
        store, place = self._where(i)
        return store.names[place]

    def source_of(self, i: int) -> int:
        """Index of the cache entry that holds the line."""
        return int(self._at[i, 0])

    def tiny(self) -> NDArray[np.uint8]:
        """(N, 192) tiny grey version of each image as it was decoded, before resizing."""
        tiny = np.zeros((len(self), TINY_ROWS * TINY_COLUMNS), dtype=np.uint8)
        for number, store in enumerate(self._stores):
            mine = self._at[:, 0] == number
            tiny[mine] = store.tiny[self._at[mine, 1]]
        return tiny

    def image(self, i: int) -> NDArray[np.uint8]:
        """Pixels of a line: uint8 (H, W, 3), read-only and not copied; a grey line repeats one channel."""
        store, place = self._where(i)
        return store.image(place)

    def release(self) -> None:
        """Gives back the memory of the images that were read; they are read again when they are needed."""
        for store in self._stores:
            store.release()

    def is_grey(self, i: int) -> bool:
        """Whether the three channels of the line are equal."""
        store, place = self._where(i)
        return store.is_grey(place)

    @cached_property
    def longest_label(self) -> int:
        """Number of characters of the longest label."""
        return max((len(t) for t in self.texts), default=0)

    def writable(self, architecture: Architecture) -> NDArray[np.bool_]:
        """(N,) whether a recogniser of this architecture can write the label of each line at its canonical width."""
        return writable_lines(architecture, self.texts, self.widths)

    def place_in_source(self) -> NDArray[np.float64]:
        """(N,) position of each line in its source, from 0 (the first) to 1."""
        places = np.zeros(len(self), dtype=np.float64)
        for number in range(len(self._stores)):
            mine = np.flatnonzero(self._at[:, 0] == number)
            places[mine] = np.arange(len(mine)) / max(1, len(mine))
        return places

    def select(self, chosen: Sequence[int] | NDArray[np.integer], texts: Sequence[str] | None = None) -> LineArrays:
        """Some of the lines, in the given order; `texts` replaces their labels."""
        numbers = np.asarray(chosen, dtype=np.int64)
        labels = [self.texts[i] for i in numbers] if texts is None else texts
        return LineArrays(self._stores, self._at[numbers], labels, normaliser=self.normaliser)

    def joined(self, others: LineArrays) -> LineArrays:
        """These lines followed by others. If only one of the two has weights, the lines of the other have weight 1."""
        at = others._at.copy()
        at[:, 0] += len(self._stores)
        weights = None
        if self.weights is not None or others.weights is not None:
            ones = (np.ones(len(lines), dtype=np.float32) for lines in (self, others))
            both = [one if lines.weights is None else lines.weights for lines, one in zip((self, others), ones, strict=True)]
            weights = np.concatenate(both) / np.concatenate(both).mean()
        stores = [*self._stores, *others._stores]
        return LineArrays(stores, np.concatenate([self._at, at]), self.texts + others.texts, weights, self.normaliser)

    def weighted(self, weights: Sequence[float]) -> LineArrays:
        """The same lines, where each line of source k has the weight `weights[k]`; the weights are scaled to mean 1."""
        each = np.array(weights, dtype=np.float64)[self._at[:, 0]]
        return LineArrays(self._stores, self._at, self.texts, (each / each.mean()).astype(np.float32), self.normaliser)
