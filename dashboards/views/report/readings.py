"""What the files on the front read: their misread validation lines, confused characters, and a few lines that tell them apart.

Decisions:
- A measurement has a bit for each validation line, so only misread lines are read again; the others read as their labels.
- Data that are gone, or that are no longer those of the measurement, leave these parts of the report empty, and it says why.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dashboards.views.report.contents import Contents
from studies.run.preparation import data_spec
from studies.storage.front_point import FrontPoint
from trainers.base.errors import UserError
from trainers.data.arrays import LineArrays
from trainers.data.dataset import LineDataset, prepare
from trainers.evaluation.confusions import Confusion, confusions
from trainers.evaluation.measure import digest_of_lines
from trainers.evaluation.metrics import as_labels
from trainers.evaluation.mistakes import mistakes_among
from trainers.inference.reader import Reader

MOST_READ = 300
"""Misread lines of a file that are read again; more would not change what is confused most."""
MOST_FILES = 40
"""Files on the front that are read; of a longer front, evenly spaced ones."""
SHOWN_MISTAKES = 5
"""Worst lines of a file that are shown."""
SAMPLES = 3
"""Lines that are shown beside each point of the front."""

Progress = Callable[[int, int], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Sample:
    """A line, and what a file reads in it."""

    truth: str
    reading: str


@dataclass(frozen=True)
class ShownMistake:
    """A misread line.

    Attributes:
        name: of the line.
        truth: its label.
        reading: what was read.
        edits: wrong characters.
        image: as a data URI.
    """

    name: str
    truth: str
    reading: str
    edits: int
    image: str


@dataclass(frozen=True)
class FileReadings:
    """What one file reads.

    Attributes:
        misread: number of misread validation lines.
        read: how many of them were read again.
        mistakes: the worst of them.
        confusions: confused characters among them, the most frequent first.
        texts: position of a misread line to what was read, after the normaliser of the labels.
    """

    misread: int
    read: int
    mistakes: Sequence[ShownMistake]
    confusions: Sequence[Confusion]
    texts: Mapping[int, str] = field(repr=False)


@dataclass(frozen=True)
class Readings:
    """What the files on the front read.

    Attributes:
        files: trial to what its file reads, of those that could be read.
        samples: trial to what it reads in lines that tell the files apart.
        datasets: input height to the lines of the study, those that could be opened.
        missing: why something is missing, one line each.
    """

    files: Mapping[int, FileReadings]
    samples: Mapping[int, Sequence[Sample]]
    datasets: Mapping[int, LineDataset]
    missing: Sequence[str]


class FrontReader:
    """Reads with the files on the front, and remembers what each has read, for a report that is made again.

    Args:
        progress: called with (lines done, lines in total) while lines are decoded that are not in the cache.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._known: dict[str, FileReadings] = {}
        self._datasets: dict[int, LineDataset] = {}
        self._digests: dict[int, str] = {}

    def read(self, contents: Contents) -> Readings:
        """Reads what has not been read before."""
        missing: list[str] = []
        self._open(contents, missing)
        files: dict[int, FileReadings] = {}
        for point in _evenly(contents.front, MOST_FILES):
            found = self._read_file(point, int(point.architecture["height_px"]))
            if isinstance(found, FileReadings):
                files[point.trial] = found
            elif found is not None:
                missing.append(f"trial {point.trial}: {found}")
        lines = {
            p.trial: self._datasets[int(p.architecture["height_px"])].validation for p in contents.front if p.trial in files
        }
        return Readings(files, _samples(files, lines), self._datasets, list(dict.fromkeys(missing)))

    def _open(self, contents: Contents, missing: list[str]) -> None:
        """Opens the lines of each input height on the front."""
        heights = {int(point.architecture["height_px"]) for point in contents.front if point.right_lines is not None}
        heights = heights or {int(height) for height in list(contents.data)[:1]}
        for height_px in sorted(heights - self._datasets.keys()):
            try:
                opened = prepare(data_spec(contents.study, height_px), contents.workspace.cache, self._progress)
            except (UserError, OSError) as error:
                missing.append(f"the lines of the study cannot be opened: {error}")
            else:
                self._datasets[height_px] = opened
                self._digests[height_px] = digest_of_lines(opened.validation)

    def _read_file(self, point: FrontPoint, height_px: int) -> FileReadings | str | None:
        """What a file reads, or why that is not known; None where the lines could not be opened, which is said once."""
        if (right := point.right_lines) is None:
            return "which lines it reads was not recorded"
        if height_px not in self._datasets:
            return None
        lines = self._datasets[height_px].validation
        if (right.digest, right.lines) != (self._digests[height_px], len(lines)):
            return "the validation lines have changed since it was measured"
        key = f"{point.sha256} {right.digest}"
        if key not in self._known:
            try:
                self._known[key] = _file_readings(Path(point.model), lines, right.unpacked())
            except (UserError, OSError) as error:
                return f"its file cannot be read: {error}"
        return self._known[key]


def _file_readings(model: Path, lines: LineArrays, right: Sequence[bool]) -> FileReadings:
    wrong = [i for i, is_right in enumerate(right) if not is_right]
    chosen = _evenly(wrong, MOST_READ)
    read = Reader(model, threads=1).read([lines.image(i) for i in chosen]) if chosen else []
    among = lines.select(np.array(chosen, dtype=np.int64))
    worst, texts = mistakes_among(among, read)[:SHOWN_MISTAKES], as_labels((reading.text for reading in read), among)
    return FileReadings(
        misread=len(wrong),
        read=len(chosen),
        mistakes=[ShownMistake(m.name, m.truth, m.reading, m.edits, data_uri(m.image)) for m in worst],
        confusions=confusions(among.texts, texts),
        texts=dict(zip(chosen, texts, strict=True)),
    )


def _samples(files: Mapping[int, FileReadings], lines: Mapping[int, LineArrays]) -> dict[int, list[Sample]]:
    """Lines that about half of the files misread, with what each reads in them."""
    if not files:
        return {}
    count: dict[int, int] = {}
    for each in files.values():
        for i in each.texts:
            count[i] = count.get(i, 0) + 1
    shared = min(len(arrays) for arrays in lines.values())
    known = [i for i in count if i < shared and all(each.read == each.misread or i in each.texts for each in files.values())]
    chosen = sorted(sorted(known, key=lambda i: (abs(2 * count[i] - len(files)), i))[:SAMPLES])
    return {
        trial: [Sample(lines[trial].text(i), each.texts.get(i, lines[trial].text(i))) for i in chosen]
        for trial, each in files.items()
    }


def data_uri(image: NDArray[np.uint8]) -> str:
    """An image (H, W, 3) as a PNG in a data URI."""
    from PIL import Image

    grey = bool((image == image[:, :, :1]).all())
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image[:, :, 0] if grey else image)).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _evenly(items: Sequence[T], at_most: int) -> list[T]:
    """Evenly spaced items."""
    if len(items) <= at_most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (at_most - 1))] for i in range(at_most)]
