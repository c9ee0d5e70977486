"""Integer arithmetic in convolutions, by ONNX Runtime's static quantizer, against int8 storage: bytes, readings, milliseconds.

    python -m benchmarks.precision.integers MODEL.onnx --data SOURCE [--validation SOURCE]
    python -m benchmarks.precision.integers --known resnet18_48_prune_0.9 mobilev3_small_1.0

The first form reads validation lines with a trained fp32 file, ranges of activations taken from training lines. The second
times known models, before any cut and with weights that say nothing, at 32x320: arithmetic takes as long. One thread, medians,
all forms of a model in turn in one run.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from benchmarks.precision.accuracy import lines_of, reading_row, texts_of
from search_space import zoo
from search_space.recognizer import build_recognizer
from trainers.base.preprocess import canonical_width, to_input
from trainers.data.dataset import prepare
from trainers.data.spec import DataSpec
from trainers.export.onnx_file import INPUT, convert_precision, export, finished
from trainers.export.size_estimate import expected_metadata, with_numbers
from trainers.inference.model_metadata import ModelMetadata
from trainers.inference.onnx_session import OnnxSession
from trainers.inference.reader import Reader

CALIBRATION_LINES = 64
ROUNDS = 40
SYMBOLS = 3938
WIDTH_PX = 320
FORMS = ("fp32", "int8", "integers", "integers, 7 bits")
"""`7 bits`: weights that cannot overflow the 16-bit sums of processors without VNNI."""


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """Inputs for the quantizer, one after the other."""

    def __init__(self, inputs: Sequence[NDArray[np.float32]]) -> None:
        self._left: Iterator[NDArray[np.float32]] = iter(inputs)

    def get_next(self) -> dict[str, Any] | None:
        image = next(self._left, None)
        return None if image is None else {INPUT: image}


def integer_file(
    model: Path, metadata: ModelMetadata, inputs: Sequence[NDArray[np.float32]], path: Path, bits7: bool = False
) -> Path:
    """Writes a model whose dense convolutions compute in integers; the rest is stored as in an int8 file."""
    named = onnx.load(model)
    for number, node in enumerate(named.graph.node):
        node.name = f"node{number}"  # the quantizer goes by names of nodes, which our files do without
    depthwise = [n.name for n in named.graph.node if any(a.name == "group" and a.i > 1 for a in n.attribute)]
    quantize_static(
        named,
        path,
        _Images(inputs),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        per_channel=True,
        reduce_range=bits7,
        nodes_to_exclude=depthwise,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    path.write_bytes(finished(onnx.load(path), metadata, "int8"))
    return path


def forms_of(model: Path, metadata: ModelMetadata, inputs: Sequence[NDArray[np.float32]], folder: Path) -> dict[str, Path]:
    """The same weights in each form."""
    return {
        "fp32": model,
        "int8": convert_precision(model, folder / "int8.onnx", "int8"),
        "integers": integer_file(model, metadata, inputs, folder / "integers.onnx"),
        "integers, 7 bits": integer_file(model, metadata, inputs, folder / "bits7.onnx", bits7=True),
    }


def milliseconds(paths: dict[str, Path], image: NDArray[np.float32]) -> dict[str, float]:
    """Median of one run alone; the forms take turns, so that what else the machine does meets all alike."""
    networks = {form: OnnxSession(path) for form, path in paths.items()}
    times: dict[str, list[float]] = {form: [] for form in paths}
    for number in range(ROUNDS + 3):
        for form, network in networks.items():
            start = time.perf_counter()
            network.run(image)
            if number >= 3:
                times[form].append(time.perf_counter() - start)
    return {form: 1000 * statistics.median(each) for form, each in times.items()}


def time_known(name: str, folder: Path) -> None:
    """Bytes and milliseconds of a known model, before its cut."""
    architecture = zoo.architecture(name).with_(prune_percent=0)
    recognizer = with_numbers(build_recognizer(architecture, SYMBOLS))
    metadata = expected_metadata(architecture, SYMBOLS)
    model = export(recognizer, folder / "fp32.onnx", metadata)
    rng = np.random.default_rng(0)
    inputs = [rng.uniform(-1, 1, (1, 3, architecture.height_px, WIDTH_PX)).astype(np.float32) for _ in range(4)]
    paths = forms_of(model, metadata, inputs, folder)
    found = milliseconds(paths, inputs[0])
    print(name)
    for form, path in paths.items():
        print(f"  {form:18s} {path.stat().st_size:9d} bytes  {found[form]:7.2f} ms", flush=True)


def read_trained(given: argparse.Namespace, folder: Path) -> None:
    """Bytes, milliseconds and readings of a trained model."""
    metadata = Reader(given.model).metadata
    spec = DataSpec(
        training=given.data, validation=given.validation, height_px=metadata.height_px, normaliser=metadata.normaliser
    )
    training = prepare(spec, given.cache).training
    step = max(1, len(training) // CALIBRATION_LINES)
    shown = [training.image(i) for i in range(0, len(training), step)][:CALIBRATION_LINES]
    inputs = [to_input([i], canonical_width(i.shape[1], metadata.time_stride), metadata.contrast) for i in shown]
    truths, images = lines_of(metadata, given.data, given.validation, given.cache)
    first = texts_of(given.model, images)
    paths = forms_of(given.model, metadata, inputs, folder)
    found = milliseconds(paths, inputs[0])
    print(f"{given.model.name}: {len(metadata.charset)} symbols, {len(truths)} lines")
    for form, path in paths.items():
        print(f"{reading_row(form, path, images, truths, first)}, {found[form]:.2f} ms", flush=True)


def main() -> None:
    """Prints a row for each form."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", type=Path, nargs="?", help="an exported fp32 file")
    arguments.add_argument("--data", help="source of the training lines, as the study has it")
    arguments.add_argument("--validation", help="source of the validation lines, where it is apart")
    arguments.add_argument("--cache", type=Path, default=Path("runs/cache"), help="where prepared lines lie (runs/cache)")
    arguments.add_argument("--known", nargs="*", default=[], help="known models to time")
    given = arguments.parse_args()
    logging.disable(logging.WARNING)  # the quantizer recommends a pass over the graph that ours has had
    with tempfile.TemporaryDirectory() as folder:
        for name in given.known:
            time_known(name, Path(folder))
        if given.model is not None:
            read_trained(given, Path(folder))


if __name__ == "__main__":
    main()
