"""Tests an exported file on labelled lines: score, confused characters and mistakes, from one reading of each line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.data.arrays import LineArrays
from trainers.data.cache import Progress
from trainers.data.lines import Skipped
from trainers.data.opener import LineOpener
from trainers.data.source_registry import split_sources
from trainers.data.spec import DataSpec
from trainers.evaluation.confusions import Confusion, confusions
from trainers.evaluation.measure import readings_of
from trainers.evaluation.metrics import Score, as_labels, score
from trainers.evaluation.mistakes import Mistake, mistakes_among
from trainers.inference.reader import Reader


@dataclass(frozen=True)
class FileTest:
    """What a file reads of labelled lines.

    Attributes:
        score: exact matches and edits.
        confusions: characters that are read as others, the most frequent first.
        mistakes: all lines that were misread, the worst first.
        unknown: characters of the labels that the file cannot write, with the number of lines that have them.
        skipped: lines of the source that could not be used, with the reason.
    """

    score: Score
    confusions: Sequence[Confusion]
    mistakes: Sequence[Mistake]
    unknown: dict[str, int]
    skipped: Sequence[Skipped]


def test_file(file: Path, source: str, cache_folder: Path, seed: int = 0, progress: Progress | None = None) -> FileTest:
    """Reads the lines of a source with a file and compares.

    Labels and readings are normalised as the labels that the file was trained on.

    Args:
        file: an exported file.
        source: one source of data, or several joined by `;`.
        cache_folder: folder of decoded lines.
        seed: seed of generated lines, such as those of `digits`.
        progress: called with (lines done, lines in total) while lines are decoded, then while they are read.

    Raises:
        UserError: there is no such file or source, or it has no usable line.
    """
    reader = Reader(file)
    spec = DataSpec(training=source, height_px=reader.metadata.height_px, normaliser=reader.metadata.normaliser, seed=seed)
    opener = LineOpener(spec, cache_folder, progress)
    lines: LineArrays = opener.open(split_sources(source))
    readings = readings_of(reader, lines, progress)
    texts = as_labels((reading.text for reading in readings), lines)
    known = set(reader.metadata.charset)
    unknown = Counter(symbol for text in lines.texts for symbol in set(text) - known)
    return FileTest(
        score=score(lines.texts, texts),
        confusions=confusions(lines.texts, texts),
        mistakes=mistakes_among(lines, readings),
        unknown=dict(unknown.most_common()),
        skipped=tuple(opener.skipped),
    )


test_file.__test__ = False  # type: ignore[attr-defined]  # no test of pytest, whatever its name
