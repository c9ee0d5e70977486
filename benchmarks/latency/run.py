"""Milliseconds a line of our exported models against the PP-OCRv4 mobile recogniser and tesseract's line mode.

    pip install --no-deps --target peers rapidocr-onnxruntime==1.4.4      # carries the PP-OCRv4 file
    apt-get install tesseract-ocr
    python -m benchmarks.latency.run --ppocr peers/rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx

The same images (printed lines, 32 x 320), the same number of threads, batches of 1 and 8, in one process and one run; the
models take turns, so that a busy moment hits all of them. Medians, of the network alone for ONNX files. Tesseract
takes one image at a time: its time is the slope over a list of images, its start left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from search_space import zoo
from search_space.architecture import Architecture
from search_space.recognizer import build_recognizer
from trainers.base.preprocess import to_input
from trainers.export.onnx_file import export
from trainers.export.size_estimate import expected_metadata, with_numbers
from trainers.inference.onnx_session import OnnxSession

SYMBOLS = 3938
WIDTH_PX, HEIGHT_PX = 320, 32
WARM_UPS, RUNS = 3, 6
"""Runs of a batch in one turn of a model: first without the clock, then with it."""
OURS = {
    "baseline (mobilev3_small_1.0)": zoo.architecture("mobilev3_small_1.0"),
    "published best (mobilev3_fpnd_large_0.5)": zoo.architecture("mobilev3_fpnd_large_0.5"),
    "small x0.5, low-rank head": Architecture(width_percent=50, head="ctc_low_rank", head_rank=48),
}


def main() -> None:
    """Prints the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--ppocr", type=Path, help="the PP-OCRv4 recogniser's ONNX file; left out when not given")
    arguments.add_argument("--model", type=Path, action="append", default=[], help="an exported file of your own; repeatable")
    arguments.add_argument("--precision", default="fp32", help="how our models are stored (fp32)")
    arguments.add_argument("--threads", type=int, default=1, help="for every one of them (1)")
    arguments.add_argument("--rounds", type=int, default=30, help="times each batch is run (30)")
    given = arguments.parse_args()
    images = printed_lines(64)
    with tempfile.TemporaryDirectory() as folder:
        files = {name: exported(a, given.precision, Path(folder) / f"{i}.onnx") for i, (name, a) in enumerate(OURS.items())}
        files |= {path.name: path for path in given.model}
        if given.ppocr:
            files["PP-OCRv4 mobile recogniser"] = given.ppocr
        times = network_times(files, images, given.threads, given.rounds)
    print(
        f"{HEIGHT_PX} x {WIDTH_PX}, {given.threads} thread(s), "
        f"median ms a line of {given.rounds} runs, {given.precision} storage"
    )
    peer = times.get("PP-OCRv4 mobile recogniser")
    for name, by_batch in times.items():
        faster = {size: "" if peer is None else f" ({peer[size] / by_batch[size]:4.1f} x PP-OCRv4)" for size in by_batch}
        print(f"{name:44s}" + "".join(f"  batch {size} {by_batch[size]:7.2f}{faster[size]}" for size in by_batch))
    slope = tesseract_ms(images, given.threads)
    print(f"{'tesseract, line mode (eng)':44s}  batch 1 {slope:7.2f}" if slope else "tesseract is not installed")


def exported(architecture: Architecture, precision: str, path: Path) -> Path:
    """The file of a network with 3,939 classes; its weights do not matter to the clock."""
    torch.manual_seed(0)
    stored = architecture.with_(precision=precision)
    return export(with_numbers(build_recognizer(architecture, SYMBOLS)), path, expected_metadata(stored, SYMBOLS), precision)


def printed_lines(count: int) -> list[NDArray[np.uint8]]:
    """Black text on white, 32 x 320."""
    random = np.random.default_rng(0)
    font = ImageFont.load_default(size=20)
    found = []
    for _ in range(count):
        image = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), "white")
        text = "".join(chr(random.integers(97, 123)) if random.random() < 0.85 else " " for _ in range(30))
        ImageDraw.Draw(image).text((4, 3), text, fill="black", font=font)
        found.append(np.asarray(image))
    return found


def network_times(
    files: dict[str, Path], images: list[NDArray[np.uint8]], threads: int, rounds: int
) -> dict[str, dict[int, float]]:
    """File to batch size to median milliseconds a line."""
    batches = {size: to_input(images[:size], WIDTH_PX) for size in (1, 8)}
    times: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds // RUNS):
        for name, path in files.items():
            network = OnnxSession(path, threads)  # opened in its turn: the threads of an open one keep cores busy, waiting
            for size, batch in batches.items():
                for number in range(WARM_UPS + RUNS):
                    start = time.perf_counter()
                    network.run(batch)
                    if number >= WARM_UPS:
                        times.setdefault((name, size), []).append(1000 * (time.perf_counter() - start) / size)
            del network
    return {name: {size: statistics.median(times[name, size]) for size in batches} for name in files}


def tesseract_ms(images: list[NDArray[np.uint8]], threads: int) -> float | None:
    """Milliseconds of one more line; None where there is no tesseract."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, image in enumerate(images):
            paths.append(Path(folder) / f"{number}.png")
            Image.fromarray(image).save(paths[-1])
        try:
            slopes = []
            for _ in range(3):
                few, all_ = (_tesseract_seconds(paths[:count], Path(folder), threads) for count in (4, len(paths)))
                slopes.append(1000 * (all_ - few) / (len(paths) - 4))
        except FileNotFoundError:
            return None
        return statistics.median(slopes)


def _tesseract_seconds(paths: list[Path], folder: Path, threads: int) -> float:
    """Seconds that one call for a list of images takes."""
    listed = folder / "list.txt"
    listed.write_text("\n".join(map(str, paths)))
    start = time.perf_counter()
    subprocess.run(
        ["tesseract", str(listed), str(folder / "out"), "--psm", "7", "--oem", "1"],
        check=True,
        capture_output=True,
        env={**os.environ, "OMP_THREAD_LIMIT": str(threads)},
    )
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
