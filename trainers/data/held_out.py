"""Test lines: a search does not open them until it ends, and then reads them once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainers.data.arrays import LineArrays
from trainers.data.cache import Progress
from trainers.data.dataset import LineDataset
from trainers.data.division import overlap
from trainers.data.fingerprint import digest_of
from trainers.data.opener import LineOpener
from trainers.data.source_registry import find_source, split_sources


@dataclass(frozen=True)
class HeldOutLines:
    """Test lines, decoded.

    Attributes:
        lines: the lines at the height of the dataset.
        digest: see `held_out_digest`.
        origin: where they come from, for a report.
        notes: sentences for the user about the lines.
    """

    lines: LineArrays
    digest: str
    origin: str
    notes: tuple[str, ...] = ()


def held_out_digest(dataset: LineDataset) -> str | None:
    """16 hex digits that identify the test lines of a dataset, at every input height; None where it has none.

    Nothing is decoded for it: lines of a source count by its fingerprint (names, sizes and times of its files), lines that were
    set aside by their images before resizing and their labels.

    Raises:
        UserError: there is no such source.
    """
    lines, spec = dataset.set_aside, dataset.spec
    aside = None if lines is None or not len(lines) else (lines.originals.tolist(), lines.texts)
    names = [] if dataset.test_source is None else split_sources(dataset.test_source)
    if aside is None and not names:
        return None
    return digest_of("test", aside, spec.normaliser, *((name, find_source(name, spec.seed).fingerprint()) for name in names))


def open_held_out(
    dataset: LineDataset, cache_folder: Path, progress: Progress | None = None, processes: int | None = None
) -> HeldOutLines | None:
    """Opens the test lines of a dataset: those of its test source and those that were set aside.

    Args:
        dataset: the dataset.
        cache_folder: folder of decoded lines.
        progress: called with (lines done, lines in total) while decoding.
        processes: number of processes that decode; None chooses it.

    Returns:
        The test lines; None if the dataset has none.

    Raises:
        UserError: the test source cannot be used.
    """
    digest = held_out_digest(dataset)
    if digest is None:
        return None
    lines, notes = dataset.set_aside, tuple[str, ...]()
    origins = [] if lines is None else [f"{len(lines):,} lines set aside of {dataset.spec.training}"]
    if dataset.test_source is not None:
        opened = LineOpener(dataset.spec, cache_folder, progress, processes).open(split_sources(dataset.test_source))
        origins.append(f"{len(opened):,} lines of {dataset.test_source}")
        for part, others in (("training", dataset.training), ("validation", dataset.validation)):
            notes += overlap("test", opened, part, others)
        lines = opened if lines is None else lines.joined(opened)
    if lines is None or not len(lines):
        return None
    return HeldOutLines(lines, digest, " and ".join(origins), notes)
