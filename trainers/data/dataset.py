"""A study's lines, ready for training: charset, training and validation lines, decoded and memory-mapped.

Decisions:
- Images are stored once per source and height (`store`); charset, normaliser, split and joining are views on them, so
  studies that differ in those share the pixels.
- Labels lose white space at both ends (no image shows it) and are then normalised; an empty label is skipped.
- The charset is that of the training labels, unless a file is named. The policy for other characters is for training lines;
  validation lines keep their truth, since a character that a model cannot write is an error it makes.
- Without a validation source a tenth of the training lines is set aside by a hash of their pixels: the same lines every
  time, whatever the order or names, and never one image on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from search_space.architecture import Architecture
from trainers.base.errors import UserError
from trainers.data.arrays import LineArrays
from trainers.data.cache import CacheEntry, Progress, open_entry
from trainers.data.charset import Charset
from trainers.data.fingerprint import digest_of
from trainers.data.lines import Skipped, counted
from trainers.data.normalisers import normalise
from trainers.data.rendered import Rendered, rendered_source
from trainers.data.source import Source
from trainers.data.source_registry import find_source, own_validation, split_sources
from trainers.data.spec import DataSpec

__all__ = ["DataSpec", "LineArrays", "LineDataset", "Rendered", "prepare"]

VALIDATION_SHARE = 0.1


@dataclass(frozen=True)
class LineDataset:
    """All a training needs to know of its data.

    Attributes:
        spec: what was asked for.
        charset: the characters a recogniser is to write.
        training: lines to learn from.
        validation: lines to measure on.
        digest: 16 hex digits; equal for equal pixels, labels, order and charset.
        skipped: every line that was left out, named once, and why.
        warmup: rendered lines to begin with; None where none were asked for.
    """

    spec: DataSpec
    charset: Charset
    training: LineArrays
    validation: LineArrays
    digest: str
    skipped: list[Skipped]
    warmup: LineArrays | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many lines were left out for each reason."""
        return counted(self.skipped)

    @property
    def longest_label(self) -> int:
        """Characters of the longest label, training and validation."""
        return max(self.training.longest_label, self.validation.longest_label)

    def is_current(self) -> bool:
        """Whether the cache still holds what this was made from; it says nothing of the source's files."""
        parts = (self.training, self.validation) if self.warmup is None else (self.training, self.validation, self.warmup)
        return all(lines.is_current() for lines in parts)

    def infeasible(self, architecture: Architecture) -> list[int]:
        """Training lines whose label a recogniser of this architecture cannot write; they are left out of its training."""
        return [int(i) for i in np.flatnonzero(~self.training.writable(architecture))]


def prepare(spec: DataSpec, cache_folder: Path, progress: Progress | None = None, processes: int | None = None) -> LineDataset:
    """Decodes what is not yet decoded, and applies the rules of the spec.

    Args:
        spec: which lines.
        cache_folder: where decoded lines are kept, for all studies and workers.
        progress: told (lines done, lines in all) while decoding.
        processes: that decode together; None chooses.

    Raises:
        UserError: no such source, nothing usable in it, no room on the disk, or characters against the policy `error`.
    """
    names = split_sources(spec.training)
    others = spec.validation or ";".join(filter(None, map(own_validation, names))) or None

    def open_one(found: Source, name: str) -> CacheEntry:
        return open_entry(found, name, spec.height_px, cache_folder, progress, processes)

    def opened(sources: Sequence[str]) -> list[CacheEntry]:
        return [open_one(find_source(s, spec.seed), f"{s} {spec.seed}" if s.startswith("digits") else s) for s in sources]

    stores = opened(names)
    skipped: list[Skipped] = []
    training = _labelled(stores, spec, skipped)
    if others is None:
        training, validation = _set_aside(training)
    else:
        validation = _labelled(opened(split_sources(others)), spec, skipped)
    if spec.training_lines is not None:
        training = _first_lines(training, spec.training_lines)
    charset = Charset.from_file(Path(spec.charset)) if spec.charset else Charset.from_texts(training.texts)
    training = _within(charset, training, spec, skipped)
    if not len(training) or not len(validation):
        raise UserError(f"data '{spec.training}' leaves {len(training)} training and {len(validation)} validation lines")
    if spec.weights is not None:
        training = training.weighted(spec.weights)
    warmup = None
    if spec.rendered is not None:
        drawn_from = rendered_source(spec.rendered, training.texts, charset, spec.normaliser, spec.seed)
        drawn = _labelled([open_one(drawn_from, f"{spec.training} {spec.seed} {spec.rendered!r}")], spec, skipped)
        if spec.rendered.use == "extra":
            training = training.joined(drawn)
        else:
            warmup = drawn
    parts = (training, validation) if warmup is None else (training, validation, warmup)
    digest = digest_of(charset.symbols, *([lines.contents.tolist(), lines.texts] for lines in parts))
    return LineDataset(spec, charset, training, validation, digest, skipped, warmup)


def _labelled(stores: Sequence[CacheEntry], spec: DataSpec, skipped: list[Skipped]) -> LineArrays:
    """All lines of some stores that have a label once it is normalised."""
    at: list[tuple[int, int]] = []
    texts: list[str] = []
    for number, store in enumerate(stores):
        skipped += store.skipped
        for place, text in enumerate(store.texts):
            label = normalise(spec.normaliser, text.strip()).strip()
            if label:
                at.append((number, place))
                texts.append(label)
            else:
                skipped.append(Skipped(store.names[place], "empty label"))
    return LineArrays(stores, np.array(at, dtype=np.int64).reshape(-1, 2), texts)


def _set_aside(lines: LineArrays) -> tuple[LineArrays, LineArrays]:
    """Training and validation lines: the tenth with the smallest hashes is validation; equal images stay together."""
    if len(lines) < 2:
        return lines, lines.select([])
    limit = np.sort(lines.contents)[max(1, round(len(lines) * VALIDATION_SHARE)) - 1]
    inside = lines.contents <= limit
    return lines.select(np.flatnonzero(~inside)), lines.select(np.flatnonzero(inside))


def _first_lines(lines: LineArrays, count: int) -> LineArrays:
    """So many lines, the first ones of each source, in proportion to its size."""
    if count >= len(lines):
        return lines
    place = lines.place_in_source()
    share = np.argsort(place, kind="stable")[:count]
    return lines.select(np.sort(share))


def _within(charset: Charset, lines: LineArrays, spec: DataSpec, skipped: list[Skipped]) -> LineArrays:
    """Lines that the charset can write, after the policy for those that it can't."""
    kept: list[int] = []
    texts: list[str] = []
    for i, text in enumerate(lines.texts):
        written = _written(charset, text, spec, lines.name(i))
        if written is None:
            symbols = " ".join(charset.outside(text)[:5])
            skipped.append(Skipped(lines.name(i), f"character outside the charset: {symbols}"))
        else:
            kept.append(i)
            texts.append(written)
    return lines.select(kept, texts)


def _written(charset: Charset, text: str, spec: DataSpec, name: str) -> str | None:
    outside = charset.outside(text)
    if not outside:
        return text
    if spec.unknown == "error":
        raise UserError(
            f"{name}: the label {text!r} holds {outside[0]!r}, which {spec.charset} lacks; add it there, or choose "
            'unknown = "drop" or "map"'
        )
    return charset.mapped(text) if spec.unknown == "map" else None
