"""Coded weights against the other precisions: bytes, readings, milliseconds to open a file and to read a line.

    python -m benchmarks.precision.coded MODEL.onnx --data SOURCE [--validation SOURCE]

MODEL.onnx is an exported file, best in fp32. Its weights are stored in each precision, and coded with several steps. Each file
reads the validation lines; McNemar's test compares what it reads right with what the fp32 file reads right. Times are medians
on one thread, and the files take turns.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.precision.accuracy import model_and_lines, texts_of
from benchmarks.precision.integers import milliseconds
from search_space.coded_precision import coded_precision
from trainers.base.preprocess import canonical_width, to_input
from trainers.evaluation.metrics import score
from trainers.evaluation.uncertainty import mcnemar_p
from trainers.export.onnx_file import finished
from trainers.export.plain import plain_graph
from trainers.inference.onnx_session import OnnxSession
from trainers.inference.reader import Reader

FORMS = ("fp32", "fp16", "int8", "int4", *(coded_precision(percent) for percent in (9, 12, 18, 25, 35, 50)))
"""Precisions that are compared."""
OPENINGS = 9
"""How often each file is opened."""


def forms_of(model: Path, folder: Path) -> dict[str, Path]:
    """The same weights in each form."""
    metadata = Reader(model).metadata
    paths = {}
    for precision in FORMS:
        paths[precision] = folder / f"{precision}.onnx"
        paths[precision].write_bytes(finished(plain_graph(model), metadata, precision))
    return paths


def opening_milliseconds(paths: Mapping[str, Path]) -> dict[str, float]:
    """Median milliseconds to open each file."""
    times: dict[str, list[float]] = {form: [] for form in paths}
    for _ in range(OPENINGS):
        for form, path in paths.items():
            start = time.perf_counter()
            OnnxSession(path)
            times[form].append(time.perf_counter() - start)
    return {form: 1000 * statistics.median(each) for form, each in times.items()}


def rows_of(
    paths: Mapping[str, Path], truths: Sequence[str], images: Sequence[NDArray[np.uint8]], example: NDArray[np.float32]
) -> list[str]:
    """A row of the README's table for each form."""
    opening, reading = opening_milliseconds(paths), milliseconds(dict(paths), example)
    rows, first, int8_bytes = [], [], paths["int8"].stat().st_size
    for form, path in paths.items():
        texts = texts_of(path, images)
        first = first or texts
        found = score(truths, texts)
        lost, won = (
            sum((old == truth) == was and (new == truth) != was for old, new, truth in zip(first, texts, truths, strict=True))
            for was in (True, False)
        )
        size_bytes = path.stat().st_size
        rows.append(
            f"| {form} | {size_bytes:,} | {size_bytes / int8_bytes:.3f} | {found.accuracy:.1%} | {found.cer:.2%} | "
            f"{sum(a != b for a, b in zip(first, texts, strict=True))} | {lost} | {won} | {mcnemar_p(lost, won):.2g} | "
            f"{opening[form]:.0f} | {reading[form]:.2f} |"
        )
    return rows


def main() -> None:
    """Prints the table."""
    model, metadata, truths, images = model_and_lines(__doc__)
    example = to_input(images[:1], canonical_width(images[0].shape[1], metadata.time_stride), metadata.contrast)
    print("| form | bytes | of int8 | right | CER | texts changed | lost | won | p | opened in ms | read in ms |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for row in rows_of(forms_of(model, Path(folder)), truths, images, example):
            print(row, flush=True)


if __name__ == "__main__":
    main()
