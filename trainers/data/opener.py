"""From the names of sources to labelled lines: decoded or found in the cache, normalised, those without a label left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trainers.data.arrays import LineArrays
from trainers.data.cache import CacheEntry, Progress, open_entry
from trainers.data.lines import Skipped
from trainers.data.normalisers import normalise
from trainers.data.source import Source
from trainers.data.source_registry import find_source
from trainers.data.spec import DataSpec


@dataclass(frozen=True)
class LineOpener:
    """Opens the sources of one dataset.

    Attributes:
        spec: height, normaliser and seed.
        cache_folder: where decoded lines are kept.
        progress: called with (lines done, lines in all) while decoding.
        processes: that decode together; None chooses.
        skipped: every line that was left out so far, and why.
    """

    spec: DataSpec
    cache_folder: Path
    progress: Progress | None = None
    processes: int | None = None
    skipped: list[Skipped] = field(default_factory=list)

    def open(self, names: Sequence[str]) -> LineArrays:
        """All labelled lines of some sources.

        Raises:
            UserError: no such source, nothing usable in it, or no room on the disk.
        """
        seed = self.spec.seed
        entries = [
            self._entry(find_source(name, seed), f"{name} {seed}" if name.startswith("digits") else name) for name in names
        ]
        return self._labelled(entries)

    def open_source(self, source: Source, name: str) -> LineArrays:
        """All labelled lines of one source, kept in the cache under a name.

        Raises:
            UserError: as `open`.
        """
        return self._labelled([self._entry(source, name)])

    def _entry(self, source: Source, name: str) -> CacheEntry:
        return open_entry(source, name, self.spec.height_px, self.cache_folder, self.progress, self.processes)

    def _labelled(self, entries: Sequence[CacheEntry]) -> LineArrays:
        """All lines of some cache entries that have a label once it is normalised."""
        at: list[tuple[int, int]] = []
        texts: list[str] = []
        for number, entry in enumerate(entries):
            self.skipped.extend(entry.skipped)
            for place, text in enumerate(entry.texts):
                label = normalise(self.spec.normaliser, text.strip()).strip()
                if label:
                    at.append((number, place))
                    texts.append(label)
                else:
                    self.skipped.append(Skipped(entry.names[place], "empty label"))
        return LineArrays(entries, np.array(at, dtype=np.int64).reshape(-1, 2), texts)
