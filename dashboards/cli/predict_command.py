"""`paretext predict`: reads lines of text from images.

Decisions:
- Readings are printed as they are made, in the order of the images. An image that cannot be read is named on stderr at its
  place and counted at the end; the exit code is then 2.
- An image is read and decoded once, so that a pipe or a file that changes cannot come out differently a second time.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.registry.model_lookup import FORMS
from trainers.base.printable import printable

if TYPE_CHECKING:
    from PIL import Image

    from trainers.data.labels_beside import LabelsBeside
    from trainers.inference.reader import Reader

DESCRIPTION = """\
Reads lines of text from images, and prints a line for each: the image, its text and the confidence.
  paretext predict lines/                             all images of a folder and below it
  paretext predict 'lines/*.png' --csv > texts.csv    a pattern in quotes, for more names than a shell takes
  find lines/ -name '*.png' | paretext predict -      names on standard input, one a line"""

IMAGES_AT_ONCE = 64
"""Images that are read together, so that memory stays bounded."""


COMPARED = "compared"
"""Key of a row for the normalised label and text, which are counted and not printed."""

MOST_NAME = 4096
"""Characters of a name that are printed: longer ones the system has none."""
SMALL_PX = 8
"""Height to which an image is scaled to see whether it can be."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "predict",
        help="read lines of text from images",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="image of one line (PNG, JPEG, …), folder, pattern, or -")
    parser.add_argument("--model", metavar="MODEL", help=f"{FORMS} (default: the newest champion)")
    truth_help = "show the label of each image (x.gt.txt or labels.txt, beside it or in a folder above), and count the errors"
    parser.add_argument("--truth", action="store_true", help=truth_help)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print CSV with a heading: image, text, confidence")
    form.add_argument("--json", action="store_true", help="print a list of {image, text, confidence} as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints a line for each image; returns 2 if some could not be read."""
    from dashboards.cli.image_arguments import image_paths
    from dashboards.views.console import print_json
    from trainers.data.labels_beside import LabelsBeside

    paths = list(image_paths(arguments.images)) if arguments.truth else image_paths(arguments.images)
    labels = LabelsBeside() if arguments.truth else None
    if labels is not None:
        labels.check(paths)
    asked = faults = 0
    rows: list[dict[str, Any]] = []
    pairs: list[tuple[str, str]] = []
    write = _writer(arguments)
    for row in _readings(arguments.model, paths, labels):
        asked += 1
        if "fault" in row:
            faults += 1
            print(f"paretext: {printable(row['image'], MOST_NAME)}: {printable(row['fault'])}", file=sys.stderr, flush=True)
            continue
        if arguments.truth:
            pairs.append(row.pop(COMPARED))
        if arguments.json:
            rows.append(row)
        write(row)
    if arguments.json:
        print_json(rows)
    if pairs:
        _count(pairs)
    if faults and asked > 1:
        print(f"paretext: {faults:,} of {asked:,} images could not be read", file=sys.stderr)
    if not asked:
        print("paretext: no image is named on standard input", file=sys.stderr)
    return 2 if faults or not asked else 0


def _readings(model: str | None, paths: Iterable[Path], labels: LabelsBeside | None) -> Iterator[dict[str, Any]]:
    """What is read in each image, or what is wrong with it, in their order."""
    reader: Reader | None = None
    rest = iter(paths)
    while some := list(islice(rest, IMAGES_AT_ONCE)):
        truths = [_label(path, labels) for path in some]
        images = [
            truth.why if isinstance(truth, _NoLabel) else _decoded(path) for path, truth in zip(some, truths, strict=True)
        ]
        good = [image for image in images if not isinstance(image, str)]
        if good and reader is None:
            reader = _open(model)
        found = iter(reader.read(good) if reader is not None and good else ())
        for path, image, truth in zip(some, images, truths, strict=True):
            row: dict[str, Any] = {"image": str(path)}
            if isinstance(image, str):
                yield row | {"fault": image}
                continue
            reading = next(found)
            row |= {"text": reading.text, "confidence": reading.confidence}
            yield row | _beside(truth, reading.text, reader) if isinstance(truth, str) and reader is not None else row


def _beside(label: str, text: str, reader: Reader) -> dict[str, Any]:
    """The label, and whether it was read; both are compared as in training, normalised as the model's labels were."""
    from trainers.data.lines import without_tabs
    from trainers.data.normalisers import NORMALISERS, check_normaliser

    check_normaliser(reader.metadata.normaliser)
    normalise = NORMALISERS[reader.metadata.normaliser]
    wanted, read = normalise(without_tabs(label)), normalise(text)
    return {"truth": label, "right": wanted == read, COMPARED: (wanted, read)}


@dataclass(frozen=True)
class _NoLabel:
    """Why an image has no label."""

    why: str


def _label(path: Path, labels: LabelsBeside | None) -> str | _NoLabel | None:
    """The label of an image; None if none is asked for, or there is no such image, which is said elsewhere."""
    from trainers.base.errors import UserError
    from trainers.data.image_names import is_there

    if labels is None or not is_there(path):
        return None
    try:
        return labels.label_of(path)
    except UserError as error:
        return _NoLabel(str(error).removeprefix(f"{path} "))


def _decoded(path: Path) -> Image.Image | str:
    """The image of a file, or what is wrong with it."""
    from trainers.base.images import decode_image
    from trainers.base.preprocess import fit_height
    from trainers.base.regular_file import MOST_IMAGE_BYTES, read_regular

    try:
        if path.is_dir():
            return "there is no image in this folder"
        content = read_regular(path, MOST_IMAGE_BYTES)
        if not content:
            return "the file is empty"
        image = decode_image(content)
        fit_height(image, SMALL_PX)
    except FileNotFoundError:
        return "there is no such image"
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:
        return str(error)
    return image


def _open(model: str | None) -> Reader:
    """Opens a model, and says which where none was named."""
    from studies.registry.model_lookup import find_model
    from studies.workspace.paths import Workspace
    from trainers.inference.reader import Reader

    found = find_model(model, Workspace.of_environment())
    if model is None:
        print(f"reading with {found.title}", file=sys.stderr)
    return Reader(found.file)


def _writer(arguments: argparse.Namespace) -> Any:
    """What prints a reading at once; JSON is printed at the end."""
    if arguments.json:
        return lambda _: None
    if arguments.csv:
        table = csv.writer(sys.stdout, lineterminator="\n")
        table.writerow(["image", "text", "confidence", *(["truth", "right"] if arguments.truth else [])])

        def write_row(row: dict[str, Any]) -> None:
            truth = [row["truth"], int(row["right"])] if "truth" in row else []
            table.writerow([row["image"], row["text"], f"{row['confidence']:.4f}", *truth])

        return write_row

    def write(row: dict[str, Any]) -> None:
        beside = ""
        if "truth" in row:
            beside = f"\t{row['truth']}\t{'right' if row['right'] else 'wrong'}"
        print(f"{printable(row['image'], MOST_NAME)}\t{row['text']}\t{row['confidence']:.3f}{beside}")

    return write


def _count(pairs: list[tuple[str, str]]) -> None:
    """Prints how many readings are right, from pairs of a label and what was read."""
    from dashboards.views.console import accuracy_words
    from trainers.evaluation.metrics import score

    counted = score([truth for truth, _ in pairs], [text for _, text in pairs])
    right = f"{counted.right} of {counted.lines} lines right, {accuracy_words(counted.accuracy, counted.lines)}"
    print(f"{right}; {counted.cer:.1%} of characters wrong", file=sys.stderr)
