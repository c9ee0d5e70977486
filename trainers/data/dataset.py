"""A study's lines, ready for training: charset, training and validation lines, decoded and memory-mapped.

Decisions:
- Images are stored once per source and height (`store`); charset, normaliser, split and joining are views on them, so
  studies that differ in those share the pixels.
- Labels lose white space at both ends (no image shows it) and are then normalised; an empty label is skipped.
- The charset is that of the training labels, unless a file is named. The policy for other characters is for training lines;
  validation lines keep their truth, since a character that a model cannot write is an error it makes.
- Without a validation source some of the training lines measure (`division`, `split`): the same lines every time, whatever
  their order, their names and the input height, and never one image on both sides.
- Test lines are only named here; `held_out` opens them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from search_space.architecture import Architecture
from trainers.base.errors import UserError
from trainers.data.arrays import LineArrays
from trainers.data.cache import Progress
from trainers.data.charset import Charset
from trainers.data.division import divide
from trainers.data.fingerprint import digest_of
from trainers.data.lines import Skipped, counted
from trainers.data.opener import LineOpener
from trainers.data.rendered import rendered_if_few, rendered_source
from trainers.data.spec import AUTO, DataSpec


@dataclass(frozen=True)
class LineDataset:
    """All a training needs to know of its data.

    Attributes:
        spec: what was asked for, with the rendered lines that "auto" came to.
        charset: the characters a recogniser is to write.
        training: lines to learn from.
        validation: lines to measure on.
        digest: 16 hex digits; equal for equal pixels, labels, order and charset.
        skipped: every line that was left out, named once, and why.
        warmup: rendered lines to begin with; None where none were asked for.
        set_aside: test lines that were taken from the training sources; None where none were.
        test_source: source of other test lines; None where there is none.
        notes: what a user should know of the lines, a sentence each.
        rendered_lines: how many training lines were drawn; they are the last ones.
    """

    spec: DataSpec
    charset: Charset
    training: LineArrays
    validation: LineArrays
    digest: str
    skipped: list[Skipped]
    warmup: LineArrays | None = None
    set_aside: LineArrays | None = None
    test_source: str | None = None
    notes: tuple[str, ...] = ()
    rendered_lines: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """How many lines were left out for each reason."""
        return counted(self.skipped)

    @property
    def longest_label(self) -> int:
        """Characters of the longest label, training and validation."""
        return max(self.training.longest_label, self.validation.longest_label)

    @property
    def own_lines(self) -> int:
        """Training lines that were not drawn."""
        return len(self.training) - self.rendered_lines

    def is_current(self) -> bool:
        """Whether the cache still holds what this was made from; it says nothing of the source's files."""
        parts = (self.training, self.validation) if self.warmup is None else (self.training, self.validation, self.warmup)
        return all(lines.is_current() for lines in parts)

    def infeasible(self, architecture: Architecture) -> list[int]:
        """Training lines whose label a recogniser of this architecture cannot write; they are left out of its training.

        Drawn lines are left out in the same way, but are not named: nobody has to mend them.
        """
        return [int(i) for i in np.flatnonzero(~self.training.writable(architecture)) if i < self.own_lines]


def prepare(spec: DataSpec, cache_folder: Path, progress: Progress | None = None, processes: int | None = None) -> LineDataset:
    """Decodes what is not yet decoded, and applies the rules of the spec.

    Args:
        spec: which lines.
        cache_folder: where decoded lines are kept, for all studies and workers.
        progress: called with (lines done, lines in total) while decoding.
        processes: that decode together; None chooses.

    Raises:
        UserError: no such source, nothing usable in it, no room on the disk, or characters against the policy `error`.
    """
    opener = LineOpener(spec, cache_folder, progress, processes)
    divided = divide(opener)
    training, validation, available = divided.training, divided.validation, len(divided.training)
    if spec.training_lines is not None:
        training = _first_lines(training, spec.training_lines)
    charset = Charset.from_file(Path(spec.charset)) if spec.charset else Charset.from_texts(training.texts)
    training = _within(charset, training, spec, opener.skipped)
    if not len(training) or not len(validation):
        raise UserError(f"data '{spec.training}' leaves {len(training)} training and {len(validation)} validation lines")
    if spec.weights is not None:
        training = training.weighted(spec.weights)
    rendered, notes = spec.rendered, divided.notes
    if rendered == AUTO:
        rendered, note = rendered_if_few(available, training.texts, charset)
        notes += note
    warmup, own = None, len(training)
    if rendered is not None:
        drawn_from = rendered_source(rendered, training.texts, charset, spec.normaliser, spec.seed)
        drawn = opener.open_source(drawn_from, f"{spec.training} {spec.seed} {rendered!r}")
        training, warmup = (training.joined(drawn), None) if rendered.use == "extra" else (training, drawn)
    parts = (training, validation) if warmup is None else (training, validation, warmup)
    digest = digest_of(charset.symbols, *([lines.contents.tolist(), lines.texts] for lines in parts))
    resolved = spec if rendered == spec.rendered else spec.with_(rendered=rendered)
    rest = divided.set_aside, divided.test_source, notes, len(training) - own
    return LineDataset(resolved, charset, training, validation, digest, opener.skipped, warmup, *rest)


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
