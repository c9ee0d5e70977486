"""Divides the lines of a dataset's sources into training, validation and test lines.

Decisions:
- Validation lines are those of the validation source. Without one, each training source gives its own validation lines (such
  as the validation split of a Hugging Face dataset), or some of its training lines (`split`).
- Test lines are those of the test source. With "auto", each training source gives its own test lines, or some of its training
  lines if there are many.
- With a group, training lines of a group that the validation source has too are left out.
- Which lines show one picture is stored in the cache if there are many lines, for all heights and workers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError
from trainers.data.arrays import LineArrays
from trainers.data.groups import FOLDER, groups_of
from trainers.data.lines import Skipped
from trainers.data.near_equal import same_pictures
from trainers.data.opener import LineOpener
from trainers.data.source_registry import find_source, own_test, own_validation, shadowed_folder, split_sources
from trainers.data.spec import AUTO, DataSpec
from trainers.data.split import LEFT_OUT, TEST, TRAINING, VALIDATION, VALIDATION_SHARE, Splitter

KEPT_FROM = 2000
"""Number of lines from which the result of the comparison is cached; fewer lines are compared in less than a second."""


@dataclass(frozen=True)
class Division:
    """The lines of a dataset, divided.

    Attributes:
        training, validation: training lines and validation lines.
        set_aside: test lines taken from the training sources; None if there are none.
        test_source: source of other test lines; None if there is none.
        notes: sentences for the user about the division.
        validation_sources: for each cache entry of `validation`, the source as the user named it: the validation source, or the
            training source that the lines belong to.
    """

    training: LineArrays
    validation: LineArrays
    set_aside: LineArrays | None
    test_source: str | None
    notes: tuple[str, ...]
    validation_sources: tuple[str, ...]


def divide(opener: LineOpener) -> Division:
    """Opens the sources of a dataset and divides their lines.

    Raises:
        UserError: a source cannot be used, or its lines cannot be split by the group of the specification.
    """
    spec = opener.spec
    names = split_sources(spec.training)
    for name in split_sources(spec.validation) if spec.validation else ():
        find_source(name, spec.seed)  # a name that is not there is refused before the training lines are decoded
    lines = opener.open(names)
    brought = [None if spec.validation else own_validation(name) for name in names]
    others = spec.validation or ";".join(filter(None, brought)) or None
    if spec.split == 1:
        return _divided_as_formerly(lines, others, opener)
    tests = [own_test(name) if spec.test == AUTO else None for name in names]
    test_source = ";".join(filter(None, tests)) or None if spec.test == AUTO else spec.test
    gives_validation = [spec.validation is None and source is None for source in brought]
    gives_test = [spec.test == AUTO and source is None for source in tests]
    groups = None if spec.group is None else groups_of(lines, names, spec.group, spec.seed)
    sides = _sides(lines, groups, gives_validation, gives_test, opener.cache_folder)
    for i in np.flatnonzero(sides == LEFT_OUT):
        opener.skipped.append(Skipped(lines.name(int(i)), f"same picture as a validation or test line of another {spec.group}"))
    given_names = [] if others is None else split_sources(others)
    given = opener.open(given_names) if given_names else None
    if given is not None and groups is not None:
        _leave_out_groups(lines, groups, given, given_names, sides, opener)
    training, validation = (lines.select(np.flatnonzero(sides == side)) for side in (TRAINING, VALIDATION))
    notes = tuple(filter(None, [shadowed_folder(spec.training), _trained_on(spec, names)]))
    validation_sources = names
    if given is not None:
        notes += overlap("validation", given, "training", training)
        _leave_out_of_test(lines, given, sides, opener)
        named = _named(spec, names, brought)
        validation, validation_sources = (validation.joined(given), [*names, *named]) if len(validation) else (given, named)
    set_aside = lines.select(np.flatnonzero(sides == TEST))
    kept = set_aside if len(set_aside) else None
    return Division(training, validation, kept, test_source, notes, tuple(validation_sources))


def _named(spec: DataSpec, names: Sequence[str], brought: Sequence[str | None]) -> list[str]:
    """What the user calls each source of validation lines: its own name, or that of the training source that brings it."""
    if spec.validation is not None:
        return split_sources(spec.validation)
    return [name for name, own in zip(names, brought, strict=True) if own is not None for _ in split_sources(own)]


def _sides(
    lines: LineArrays,
    groups: Sequence[str | None] | None,
    gives_validation: Sequence[bool],
    gives_test: Sequence[bool],
    cache_folder: Path,
) -> NDArray[np.int8]:
    """(N,) side of each line. Lines are compared only if some source gives validation or test lines."""
    if len(lines) < 2 or not any([*gives_validation, *gives_test]):
        return np.full(len(lines), TRAINING, dtype=np.int8)
    source = np.array([lines.source_of(i) for i in range(len(lines))], dtype=np.int64)
    return Splitter(lines.originals, _pictures(lines, cache_folder), source, groups).sides(gives_validation, gives_test)


def _pictures(lines: LineArrays, cache_folder: Path) -> NDArray[np.int64]:
    """(N,) number of the picture that each line shows, from the cache or computed now."""
    if len(lines) < KEPT_FROM:
        return same_pictures(lines.originals, lines.tiny(), lines.texts)
    name = hashlib.blake2b(lines.originals.tobytes() + "\n".join(lines.texts).encode(), digest_size=8).hexdigest()
    kept = cache_folder / "data" / f"pictures-{name}.npy"
    try:
        pictures: NDArray[np.int64] = np.load(kept)
    except (OSError, ValueError):
        pictures = same_pictures(lines.originals, lines.tiny(), lines.texts)
        with atomic_write(kept) as path, path.open("wb") as file:
            np.save(file, pictures)
    return pictures


def _leave_out_groups(
    lines: LineArrays,
    groups: Sequence[str | None],
    validation: LineArrays,
    sources: Sequence[str],
    sides: NDArray[np.int8],
    opener: LineOpener,
) -> None:
    """Leaves out training lines whose group the validation source has too. Folders of two sources are never one group.

    Raises:
        UserError: the validation source has no such column, or all training lines are left out.
    """
    key = opener.spec.group
    if key is None or key == FOLDER:
        return
    theirs = set(groups_of(validation, sources, key, opener.spec.seed)) - {None}
    both = (sides == TRAINING) & np.array([group in theirs for group in groups], dtype=bool)
    if both.any() and not (sides[~both] == TRAINING).any():
        raise UserError(
            f"every training line has a {key} that {opener.spec.validation or 'the validation source'} has too; "
            "take other validation lines, or leave group out"
        )
    opener.skipped.extend(Skipped(lines.name(int(i)), f"same {key} as a validation line") for i in np.flatnonzero(both))
    sides[both] = LEFT_OUT


def _trained_on(spec: DataSpec, names: Sequence[str]) -> str | None:
    """A note if a test source is a training source too; other equal images are found when the test lines are read."""
    trained = {Path(name).expanduser().resolve() for name in names}
    tested = split_sources(spec.test) if isinstance(spec.test, str) and spec.test != AUTO else []
    both = [name for name in tested if Path(name).expanduser().resolve() in trained]
    return f"{both[0]} gives the test lines and trains as well, which makes accuracy look too good" if both else None


def _leave_out_of_test(lines: LineArrays, validation: LineArrays, sides: NDArray[np.int8], opener: LineOpener) -> None:
    """Leaves out the test lines that were set aside although the validation source has them too."""
    both = (sides == TEST) & np.isin(lines.originals, validation.originals)
    opener.skipped.extend(Skipped(lines.name(int(i)), "same picture as a validation line") for i in np.flatnonzero(both))
    sides[both] = LEFT_OUT


def overlap(part: str, lines: LineArrays, other_part: str, others: LineArrays) -> tuple[str, ...]:
    """A note if images of one part of the data, such as the lines of a validation source, are in another part as well."""
    both = int(np.isin(lines.originals, others.originals).sum())
    if not both:
        return ()
    return (f"{both:,} of {len(lines):,} {part} lines are {other_part} lines as well, which makes accuracy look too good",)


def _divided_as_formerly(lines: LineArrays, others: str | None, opener: LineOpener) -> Division:
    """Divides as versions did that stored no `split`: a tenth of all lines, chosen by the pixels at the input height."""
    names = split_sources(opener.spec.training)
    if others is not None:
        validation, names = opener.open(split_sources(others)), split_sources(others)
    elif len(lines) < 2:
        validation = lines.select([])
    else:
        limit = np.sort(lines.contents)[max(1, round(len(lines) * VALIDATION_SHARE)) - 1]
        inside = lines.contents <= limit
        lines, validation = lines.select(np.flatnonzero(~inside)), lines.select(np.flatnonzero(inside))
    source = None if opener.spec.test == AUTO else opener.spec.test
    return Division(lines, validation, None, source, (), tuple(names))
