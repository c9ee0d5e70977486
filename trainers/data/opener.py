"""Opens sources by name: decodes their lines or finds them in the cache, normalises labels, and leaves out unusable ones.

Labels are cached as the source has them. What becomes of tabs, control characters and empty labels is decided here, after the
normaliser, so that it is the same for lines that an earlier version has cached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trainers.data.arrays import LineArrays
from trainers.data.cache import CacheEntry, Progress, open_entry
from trainers.data.lines import Skipped, control_character, without_tabs
from trainers.data.normalisers import normalise
from trainers.data.source import Source
from trainers.data.source_registry import absolute_sources, find_source
from trainers.data.spec import DataSpec


@dataclass(frozen=True)
class LineOpener:
    """Opens the sources of one dataset.

    Attributes:
        spec: specification of the dataset; height, normaliser and seed are used.
        cache_folder: folder of decoded lines.
        progress: called with (lines done, lines in total) while decoding.
        processes: number of processes that decode; None chooses it.
        skipped: the lines that were left out so far, with the reason.
    """

    spec: DataSpec
    cache_folder: Path
    progress: Progress | None = None
    processes: int | None = None
    skipped: list[Skipped] = field(default_factory=list)

    def open(self, names: Sequence[str]) -> LineArrays:
        """Opens all labelled lines of some sources.

        Raises:
            UserError: a source does not exist or has no usable line, or the disk is full.
        """
        seed = self.spec.seed
        entries = [
            self._entry(find_source(name, seed), absolute_sources(name) + (f" {seed}" if _is_generated(name) else ""))
            for name in names
        ]
        return self._labelled(entries)

    def open_source(self, source: Source, name: str) -> LineArrays:
        """Opens all labelled lines of one source, which is cached under a name.

        Raises:
            UserError: see `open`.
        """
        return self._labelled([self._entry(source, name)])

    def _entry(self, source: Source, name: str) -> CacheEntry:
        return open_entry(source, name, self.spec.height_px, self.cache_folder, self.progress, self.processes)

    def _labelled(self, entries: Sequence[CacheEntry]) -> LineArrays:
        """Selects the lines of some cache entries whose normalised label is not empty and has no control character."""
        at: list[tuple[int, int]] = []
        texts: list[str] = []
        for number, entry in enumerate(entries):
            self.skipped.extend(entry.skipped)
            for place, text in enumerate(entry.texts):
                label = normalise(self.spec.normaliser, without_tabs(text)).strip()
                control = control_character(label)
                if label and control is None:
                    at.append((number, place))
                    texts.append(label)
                else:
                    reason = f"label holds a control character ({control})" if label else "empty label"
                    self.skipped.append(Skipped(entry.names[place], reason))
        return LineArrays(entries, np.array(at, dtype=np.int64).reshape(-1, 2), texts, normaliser=self.spec.normaliser)


def _is_generated(name: str) -> bool:
    """Whether the lines of a source depend on the seed."""
    return name.partition(":")[0] == "digits"
