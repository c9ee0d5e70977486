"""The dataset of a study: charset, training lines and validation lines, decoded and memory-mapped.

Decisions:
- Images are stored once per source and height (`cache`). Charset, normaliser, split and joining are views on them, so studies
  that differ only in those share the pixels.
- White space at both ends of a label is removed, because no image shows it; then the label is normalised. Lines with an empty
  label are skipped.
- The charset is that of the training labels and the characters that the specification adds, unless a file is named. The policy
  for other characters applies to training lines. Validation lines keep their labels: a character that a model cannot write
  counts as an error of the model.
- Without a validation source, some training lines are used for validation (`division`, `split`). The choice does not depend on
  the order and names of the lines or on the input height, and no image is on both sides.
- Test lines are only recorded here; `held_out` opens them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from search_space.architecture import Architecture
from trainers.base.errors import UserError
from trainers.data.arrays import LineArrays
from trainers.data.cache import Progress
from trainers.data.charset import Charset, described, shown_symbols
from trainers.data.division import divide
from trainers.data.enough_lines import check_both_sides, check_charset, unreadable_note
from trainers.data.fingerprint import digest_of
from trainers.data.image_names import SHOWN_CHARACTERS
from trainers.data.lines import Skipped, counted
from trainers.data.opener import LineOpener
from trainers.data.rendered import Rendered, rendered_if_few, rendered_source
from trainers.data.spec import AUTO, DataSpec


@dataclass(frozen=True)
class LineDataset:
    """The data of a training.

    Attributes:
        spec: the specification; "auto" in it is replaced by the rendered lines that were chosen.
        charset: the characters that a recogniser writes.
        training: training lines.
        validation: validation lines.
        digest: 16 hex digits; equal for equal pixels, labels, order and charset, whatever the sampling weights.
        skipped: each line that was left out, with the reason.
        warmup: rendered lines for the warm-up phase; None if the study has none.
        set_aside: test lines taken from the training sources; None if there are none.
        test_source: source of other test lines; None if there is none.
        notes: sentences for the user about the lines.
        rendered_lines: number of rendered training lines; they come last in `training`.
        validation_sources: for each cache entry of `validation`, its source as the user named it.
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
    validation_sources: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of skipped lines for each reason."""
        return counted(self.skipped)

    def release(self) -> None:
        """Gives back the memory of the images that were read; they are read again when they are needed."""
        for lines in (self.training, self.validation, self.warmup):
            if lines is not None:
                lines.release()

    @property
    def longest_label(self) -> int:
        """Number of characters of the longest label of the training and validation lines."""
        return max(self.training.longest_label, self.validation.longest_label)

    @property
    def own_lines(self) -> int:
        """Training lines that were not rendered."""
        return len(self.training) - self.rendered_lines

    def validation_by_source(self) -> dict[str, LineArrays]:
        """The validation lines of each source that has some, by the name that the user gave it."""
        names = np.array([self.validation_sources[self.validation.source_of(i)] for i in range(len(self.validation))])
        present = [name for name in dict.fromkeys(self.validation_sources) if (names == name).any()]
        return {name: self.validation.select(np.flatnonzero(names == name)) for name in present}

    def is_current(self) -> bool:
        """Whether the cache still holds the entries of this dataset. The source files are not checked."""
        parts = (self.training, self.validation) if self.warmup is None else (self.training, self.validation, self.warmup)
        return all(lines.is_current() for lines in parts)

    def infeasible(self, architecture: Architecture) -> list[int]:
        """Names of training lines whose label a recogniser of this architecture cannot write; its training leaves them out.

        Rendered lines are left out as well, but not named, because a user cannot correct them.
        """
        return [int(i) for i in np.flatnonzero(~self.training.writable(architecture)) if i < self.own_lines]


def prepare(spec: DataSpec, cache_folder: Path, progress: Progress | None = None, processes: int | None = None) -> LineDataset:
    """Makes the dataset of a specification; decodes the lines that are not in the cache.

    Args:
        spec: sources, height, normaliser and charset.
        cache_folder: folder of decoded lines, shared by all studies and workers.
        progress: called with (lines done, lines in total) while decoding.
        processes: number of processes that decode; None chooses it.

    Raises:
        UserError: a source does not exist or has no usable line, the disk is full, or a label has a character outside the
            charset and the policy is `error`.
    """
    opener = LineOpener(spec, cache_folder, progress, processes)
    divided = divide(opener)
    training, validation, available = divided.training, divided.validation, len(divided.training)
    if spec.training_lines is not None:
        training = _first_lines(training, spec.training_lines)
    check_both_sides(training, validation, spec, opener.skipped)
    labelled = (*training.texts, spec.more_symbols)
    charset = Charset.from_file(Path(spec.charset)) if spec.charset else Charset.from_texts(labelled)
    labels = training.texts
    training = _within(charset, training, spec, opener.skipped)
    check_charset(charset, labels, training, spec)
    if spec.weights is not None:
        training = training.weighted(spec.weights)
    rendered, notes = spec.rendered, divided.notes + unreadable_note(charset, validation)
    if rendered == AUTO:
        rendered, note = rendered_if_few(available, training.texts, charset)
        notes += note
    warmup, own = None, len(training)
    if rendered is not None:
        drawn_from = rendered_source(rendered, training.texts, charset, spec.normaliser, spec.seed)
        drawn = opener.open_source(drawn_from, _place_of_drawn(spec, rendered))
        training, warmup = (training.joined(drawn), None) if rendered.use == "extra" else (training, drawn)
    parts = (training, validation) if warmup is None else (training, validation, warmup)
    digest = digest_of(charset.symbols, *([lines.contents.tolist(), lines.texts] for lines in parts))
    resolved = spec if rendered == spec.rendered else spec.with_(rendered=rendered)
    rest = divided.set_aside, divided.test_source, notes, len(training) - own, divided.validation_sources
    return LineDataset(resolved, charset, training, validation, digest, opener.skipped, warmup, *rest)


def _place_of_drawn(spec: DataSpec, rendered: Rendered) -> str:
    """Name of the drawn lines in the cache, where new ones of one name replace the old ones.

    It has all settings that the texts depend on, so that two studies that run at one time do not replace each other's lines.
    """
    settings = spec.absolute() | {"rendered": repr(rendered)}
    return f"drawn {sorted((name, value) for name, value in settings.items() if name not in ('height_px', 'weights'))}"


def _first_lines(lines: LineArrays, count: int) -> LineArrays:
    """Selects a number of lines: the first ones of each source, in proportion to its size."""
    if count >= len(lines):
        return lines
    place = lines.place_in_source()
    share = np.argsort(place, kind="stable")[:count]
    return lines.select(np.sort(share))


def _within(charset: Charset, lines: LineArrays, spec: DataSpec, skipped: list[Skipped]) -> LineArrays:
    """Selects the lines that the charset can write, and applies the policy to the others."""
    kept: list[int] = []
    texts: list[str] = []
    for i, text in enumerate(lines.texts):
        written = _written(charset, text, spec, lines.name(i))
        if written is None:
            symbols = shown_symbols(charset.outside(text))
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
        symbol = repr(outside[0]) if described(outside[0]) == outside[0] else described(outside[0])
        lacks = f"the label {text[:SHOWN_CHARACTERS]!r} holds {symbol}, which {spec.charset} lacks"
        raise UserError(f'{name}: {lacks}; add it there, or choose unknown = "drop" or "map"')
    return charset.mapped(text) if spec.unknown == "map" else None
