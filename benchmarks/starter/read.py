"""What the starter weights read by themselves, cut at several widths, beside published readers of English words.

    python -m benchmarks.starter.read --test FOLDER --lines FOLDER [--folder FOLDER] [--count 3000] [--widths 25 50 100]
                                      [--necks fpn_a] [--encoders svtr gru] [--channels important first]

Decisions:
- The network writes ASCII characters. Readings and labels are compared in lower case without other signs (normaliser
  english_36), as the word benchmarks do: a full stop that is read as such does not become a letter.
- Nothing is trained. Only the BatchNorm statistics are measured, with the images of `--lines`; their labels are not used.
- Accuracy and bytes are those of the exported int8 file.
"""

from __future__ import annotations

import argparse
import itertools
import string
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.starter.train import CHOICES, FAMILIES
from search_space import Architecture
from search_space.recognizer import build_recognizer
from trainers.data.charset import Charset
from trainers.data.dataset import LineDataset, prepare
from trainers.data.normalisers import NORMALISERS
from trainers.data.spec import DataSpec
from trainers.evaluation.metrics import Score, evenly_spaced, score
from trainers.export.onnx_file import export
from trainers.export.trained_metadata import metadata_of
from trainers.inference.reader import Reader
from trainers.inherit.inherit import Channels, inherit
from trainers.inherit.starter import FOLDER, starter_for
from trainers.pruning.recalibrate import recalibrate

CHARSET = tuple(string.digits + string.ascii_letters + string.punctuation + " ")
"""What the networks can write."""
NORMALISER = "english_36"
"""What readings and labels go through before they are compared."""
PUBLISHED = (("OpenCV CRNN_EN", 0.743, 33_000_000), ("OpenCV CRNN_CH", 0.809, 32_000_000))
"""Readers of others, with their exact matches on the 3,000 test words of IIIT 5K and the bytes of their files."""
RECALIBRATION_LINES = 1000
"""Lines that BatchNorm statistics are measured with by default, as in the training."""


def read(
    architecture: Architecture,
    channels: Channels,
    lines: LineDataset,
    count: int,
    folder: Path,
    recalibrated: int = RECALIBRATION_LINES,
) -> tuple[Score, int]:
    """Cuts a network out of the starter weights, exports it, and reads test lines.

    Args:
        architecture: of the network; with the precision of the file.
        channels: which channels of the starter's it takes: the first, which were trained as a narrower network, or the most
            important ones.
        lines: their training lines recalibrate, their validation lines are read.
        count: how many are read, evenly spaced.
        folder: of the starter weights.
        recalibrated: lines that BatchNorm statistics are measured with; 0 means all.

    Returns:
        The score, and the bytes of the file.
    """
    relative = starter_for(architecture, folder)
    if relative is None:
        raise SystemExit(f"{folder} has no starter weights for {architecture.backbone}; run benchmarks.starter.pack")
    torch.manual_seed(0)
    network = build_recognizer(architecture, len(CHARSET))
    network.contrast = "even"
    inherit(network, CHARSET, replace(relative, nested=channels == "first"))
    recalibrate(network, lines.training, recalibrated)
    metadata = metadata_of(network, architecture, replace(lines, charset=Charset(CHARSET)), NORMALISER)
    chosen, clean = evenly_spaced(len(lines.validation), count), NORMALISERS[NORMALISER]
    with tempfile.TemporaryDirectory() as kept:
        file = export(network, Path(kept) / "starter.onnx", metadata, architecture.precision)
        readings = Reader(file).read([lines.validation.image(i) for i in chosen])
        size = file.stat().st_size
    truths = [clean(lines.validation.text(i)) for i in chosen]
    return score(truths, [clean(reading.text) for reading in readings]), size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--test", required=True, help="source of the lines to read, such as the test words of IIIT 5K")
    parser.add_argument("--lines", required=True, help="source of the lines that recalibrate, such as its training words")
    parser.add_argument("--family", choices=list(FAMILIES), default="mobilenetv3_small")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the starter weights; by default those of the package")
    parser.add_argument("--count", type=int, default=0, help="how many lines are read; 0 means all")
    parser.add_argument("--recalibrate", type=int, default=RECALIBRATION_LINES, help="lines that recalibrate; 0 means all")
    parser.add_argument("--widths", nargs="+", type=int, default=[25, 50, 100])
    for part in ("necks", "encoders", "attentions"):
        parser.add_argument(f"--{part}", nargs="+", help="by default the main one of the family")
    parser.add_argument("--channels", nargs="+", choices=("important", "first"), default=["first", "important"])
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="where prepared lines are kept")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lines = prepare(DataSpec(training=asked.lines, validation=asked.test), asked.cache)
    print("| network | channels | lines | accuracy | CER | int8 file, kB |\n|---|---|---|---|---|---|", flush=True)
    for name, accuracy, size in PUBLISHED:
        print(f"| {name} (published) | | 3000 | {accuracy:.3f} | | {size / 1000:,.0f} |", flush=True)
    main = CHOICES[asked.family]
    chosen = [getattr(asked, part) or [getattr(main, part)[0]] for part in ("necks", "encoders", "attentions")]
    for width, *parts in itertools.product(asked.widths, *chosen):
        named = dict(zip(("neck", "encoder", "attention"), parts, strict=True))
        architecture = FAMILIES[asked.family].with_(width_percent=width, precision="int8", **named)
        for channels in asked.channels:
            found, size = read(architecture, channels, lines, asked.count, asked.folder, asked.recalibrate)
            cells = f"{found.lines} | {found.accuracy:.3f} | {found.cer:.3f} | {size / 1000:,.0f}"
            print(f"| {architecture.describe()} | {channels} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
