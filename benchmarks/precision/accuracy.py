"""What a trained model reads in each storage precision: accuracy, CER, bytes, and the lines that change.

    python -m benchmarks.precision.accuracy MODEL.onnx --data SOURCE [--validation SOURCE]

MODEL.onnx is an exported fp32 file. Its weights are stored again in each precision, and each file reads the validation lines.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_space.rules import PRECISIONS
from trainers.data.dataset import prepare
from trainers.data.normalisers import normalise
from trainers.data.spec import DataSpec
from trainers.evaluation.metrics import score
from trainers.export.onnx_file import convert_precision
from trainers.inference.model_metadata import ModelMetadata
from trainers.inference.reader import Reader


def lines_of(
    metadata: ModelMetadata, data: str, validation: str | None, cache: Path
) -> tuple[list[str], list[NDArray[np.uint8]]]:
    """Truths and images of the validation lines, prepared as for a model with this metadata."""
    spec = DataSpec(training=data, validation=validation, height_px=metadata.height_px, normaliser=metadata.normaliser)
    lines = prepare(spec, cache).validation
    return [lines.text(i) for i in range(len(lines))], [lines.image(i) for i in range(len(lines))]


def model_and_lines(description: str | None) -> tuple[Path, ModelMetadata, list[str], list[NDArray[np.uint8]]]:
    """What the command line names: a model, and the truths and images of the lines that it was validated with.

    Args:
        description: of the command.
    """
    arguments = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", type=Path, help="an exported fp32 file")
    arguments.add_argument("--data", required=True, help="source of the training lines, as the study has it")
    arguments.add_argument("--validation", help="source of the validation lines, where it is apart")
    arguments.add_argument("--cache", type=Path, default=Path("runs/cache"), help="where prepared lines lie (runs/cache)")
    given = arguments.parse_args()
    metadata = Reader(given.model).metadata
    truths, images = lines_of(metadata, given.data, given.validation, given.cache)
    print(f"{given.model.name}: {len(metadata.charset)} symbols, {len(truths)} lines")
    return given.model, metadata, truths, images


def texts_of(path: Path, images: Sequence[NDArray[np.uint8]]) -> list[str]:
    """What a file reads in each image, after the normaliser of its labels, as it is compared with them."""
    reader = Reader(path)
    return [normalise(reader.metadata.normaliser, text) for text in reader.texts(images)]


def reading_row(
    label: str, path: Path, images: Sequence[NDArray[np.uint8]], truths: Sequence[str], first: Sequence[str]
) -> str:
    """What a file reads, and how that differs from the first readings."""
    readings = texts_of(path, images)
    found = score(truths, readings)
    changed = [(old == truth) - (new == truth) for old, new, truth in zip(first, readings, truths, strict=True)]
    return (
        f"  {label:5s} {path.stat().st_size:9d} bytes  accuracy {found.accuracy:.4f}  CER {found.cer:.4f}  "
        f"texts changed {sum(a != b for a, b in zip(first, readings, strict=True))}, "
        f"lines lost {changed.count(1)}, won {changed.count(-1)}"
    )


def main() -> None:
    """Prints a row for each precision."""
    model, _, truths, images = model_and_lines(__doc__)
    first = texts_of(model, images)
    with tempfile.TemporaryDirectory() as folder:
        for precision in PRECISIONS:
            path = convert_precision(model, Path(folder) / f"{precision}.onnx", precision)
            print(reading_row(precision, path, images, truths, first), flush=True)


if __name__ == "__main__":
    main()
