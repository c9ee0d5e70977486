"""Measures a model file: accuracy, character error rate, size in bytes and latency per line.

Decisions:
- Accuracy and CER are over all lines. As in training, readings are compared after the normaliser of the labels.
- The measurement has one bit per line that says whether it is right, so that two files can be compared line by line.
- The measurement has the hash of the file, so that a file that has been damaged since is never taken for the measured one.
- Latency is the median over evenly spaced lines, each in a batch of its own. It includes everything from pixels to text, and
  not opening and resizing the image, which a model of any size needs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from trainers.base.candidate import Measurement
from trainers.base.file_digest import file_sha256
from trainers.base.right_lines import RightLines
from trainers.data.cache import Progress
from trainers.data.fingerprint import digest_of
from trainers.evaluation.metrics import Score, as_labels, evenly_spaced, score
from trainers.inference.reader import Reader, Reading

Read = TypeVar("Read")

TIMED_LINES = 100
"""Lines that latency is measured on, so that measuring takes seconds however large the validation set is."""
LINES_AT_ONCE = 256
"""Lines that are read between two reports of progress."""
LINES_IN_MEMORY = 2048
"""Lines that are read together without progress: similar widths make full batches, and memory does not grow with the lines."""
WARM_UP_LINES = 5
"""Lines read before timing starts, because the first runs of ONNX Runtime are slower."""


class Lines(Protocol):
    """Decoded lines of the model's height: `trainers.data.dataset.LineArrays`, or anything like it."""

    @property
    def normaliser(self) -> str:
        """Name of the normaliser of the labels."""
        ...

    def __len__(self) -> int: ...

    def text(self, i: int) -> str: ...

    def name(self, i: int) -> str:
        """What the source calls the line."""
        ...

    def image(self, i: int) -> NDArray[np.uint8]:
        """(H, W, 3)."""
        ...


def measure(
    path: Path,
    lines: Lines,
    parameters: int,
    threads: int = 1,
    flops: int | None = None,
    readings: Sequence[str] | None = None,
) -> Measurement:
    """Measures a model file on validation lines.

    Args:
        path: the file.
        lines: at least one.
        parameters: learnable weights of the module it was made from.
        threads: that reading all lines may use; latency is always that of one thread.
        flops: its multiply-adds.
        readings: what the file reads in all of the lines (`read_all`), where that is known; None reads them.

    Raises:
        UserError: the file is not there or not one of ours.
    """
    reader = Reader(path, threads)
    readings = read_all(reader, lines) if readings is None else readings
    found = _score(lines, readings)
    return Measurement(
        accuracy=found.accuracy,
        cer=found.cer,
        size_bytes=path.stat().st_size,
        latency_ms=latency_ms(reader if threads == 1 else Reader(path, 1), lines),
        parameters=parameters,
        lines=found.lines,
        flops=flops,
        right_lines=RightLines.of(digest_of_lines(lines), are_right(lines, readings)),
        sha256=file_sha256(path),
    )


def score_file(path: Path, lines: Lines, threads: int = 1) -> Score:
    """Reads lines with a model file, such as test lines (`trainers.data.held_out`), and compares.

    Args:
        path: the model file.
        lines: at the height of the model.
        threads: for reading.

    Returns:
        Exact matches (`accuracy`), CER (`cer`) and the number of lines (`lines`).

    Raises:
        UserError: the file is missing or is not one of ours.
    """
    return _score(lines, read_all(Reader(path, threads), lines))


def _score(lines: Lines, readings: Sequence[str]) -> Score:
    return score([lines.text(i) for i in range(len(lines))], as_labels(readings, lines))


def are_right(lines: Lines, readings: Sequence[str]) -> list[bool]:
    """Which lines are read without an error.

    Args:
        lines: with their labels.
        readings: the text that was read in each of them (`read_all`).
    """
    return [lines.text(i) == text for i, text in enumerate(as_labels(readings, lines))]


def digest_of_lines(lines: Lines) -> str:
    """16 hex digits; equal for the same lines with the same labels in the same order, at whatever height they are decoded."""
    return digest_of([[lines.name(i), lines.text(i)] for i in range(len(lines))])


def read_all(reader: Reader, lines: Lines, progress: Progress | None = None) -> list[str]:
    """Text of every line, in their order; `progress` is called with (lines read, lines in total)."""
    return _in_pieces(reader.texts, lines, progress)


def readings_of(reader: Reader, lines: Lines, progress: Progress | None = None) -> list[Reading]:
    """Text and confidence of every line, in their order; `progress` is called with (lines read, lines in total)."""
    return _in_pieces(reader.read, lines, progress)


def _in_pieces(read: Callable[[list[NDArray[np.uint8]]], list[Read]], lines: Lines, progress: Progress | None) -> list[Read]:
    """What is read in every line, in their order."""
    count, readings = len(lines), list[Read]()
    at_once = LINES_IN_MEMORY if progress is None else LINES_AT_ONCE
    for start in range(0, count, at_once):
        end = min(count, start + at_once)
        readings += read([lines.image(i) for i in range(start, end)])
        if progress is not None:
            progress(end, count)
    return readings


def latency_ms(reader: Reader, lines: Lines, at_most: int = TIMED_LINES) -> float:
    """Median milliseconds of one line alone.

    Args:
        reader: opened with the threads to measure with.
        lines: at least one.
        at_most: number of lines that are timed, evenly spaced.
    """
    chosen = evenly_spaced(len(lines), at_most)
    for i in chosen[:WARM_UP_LINES]:
        reader.read([lines.image(i)])
    times = []
    for i in chosen:
        image = lines.image(i)
        start = time.perf_counter()
        reader.read([image])
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
