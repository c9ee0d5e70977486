"""`paretext predict`: reads lines of text from images."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.workspace.paths import Workspace
    from trainers.inference.reader import Reading

    Read = Callable[[Sequence[bytes]], list[Reading]]

SMALL_PX = 8
"""Height to which an image is scaled to see whether it can be."""
IMAGES_AT_ONCE = 64
"""Images that are read together, so that memory stays bounded."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("predict", help="read lines of text from images", description=__doc__)
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="image of one line of text (PNG, JPEG, …)")
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="models:/NAME@champion, models:/NAME/VERSION or an exported FILE.onnx (default: the newest champion)",
    )
    parser.add_argument(
        "--truth", action="store_true", help="show the label beside each image (x.gt.txt or labels.txt), and count the mistakes"
    )
    parser.add_argument("--json", action="store_true", help="print a list of {image, text, confidence} as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints a line for each image; returns 2 if some images could not be read, after naming them."""
    from dashboards.views.console import print_json
    from studies.workspace.paths import Workspace
    from trainers.base.regular_file import MOST_IMAGE_BYTES, read_regular
    from trainers.data.labels_beside import labels_beside

    good, faults = _readable(arguments.images)
    truths = labels_beside(good) if arguments.truth else {}
    for fault in faults:
        print(f"paretext: {fault}", file=sys.stderr)
    found = []
    if good:
        read = _reader(arguments.model, Workspace.of_environment())
        for at in range(0, len(good), IMAGES_AT_ONCE):
            some = good[at : at + IMAGES_AT_ONCE]
            for path, reading in zip(some, read([read_regular(path, MOST_IMAGE_BYTES) for path in some]), strict=True):
                found.append({"image": str(path), "text": reading.text, "confidence": reading.confidence})
                beside = ""
                if path in truths:
                    found[-1]["truth"] = truths[path]
                    beside = f"\t{truths[path]}\t{'right' if truths[path] == reading.text else 'wrong'}"
                if not arguments.json:
                    print(f"{path}\t{reading.text}\t{reading.confidence:.3f}{beside}")
    if arguments.json:
        print_json(found)
    if truths:
        _count(found)
    return 2 if faults else 0


def _readable(paths: list[Path]) -> tuple[list[Path], list[str]]:
    """The images that can be decoded, and one line for each that cannot."""
    from trainers.base.images import decode_image
    from trainers.base.preprocess import fit_height
    from trainers.base.regular_file import MOST_IMAGE_BYTES, read_regular

    good, faults = [], []
    for path in paths:
        try:
            if path.is_dir():
                faults.append(f"{path} is a folder; name the images in it")
                continue
            fit_height(decode_image(read_regular(path, MOST_IMAGE_BYTES)), SMALL_PX)
        except FileNotFoundError:
            faults.append(f"{path}: there is no such image")
        except (OSError, ValueError) as error:
            reason = "the file is empty" if path.is_file() and path.stat().st_size == 0 else str(error)
            faults.append(f"{path}: {reason}")
        else:
            good.append(path)
    return good, faults


def _count(found: list[dict[str, Any]]) -> None:
    """Prints how many readings are right."""
    from dashboards.views.console import accuracy_words
    from trainers.evaluation.metrics import score

    counted = score([f["truth"] for f in found], [f["text"] for f in found])
    right = f"{counted.right} of {counted.lines} lines right, {accuracy_words(counted.accuracy, counted.lines)}"
    print(f"{right}; {counted.cer:.1%} of characters wrong", file=sys.stderr)


def _reader(model: str | None, workspace: Workspace) -> Read:
    """A function that reads images, with an exported file or with the file of a registered model.

    Raises:
        UserError: no such file or model, or none has been promoted yet.
    """
    if model is not None and not model.startswith("models:"):
        from trainers.base.images import decode_image
        from trainers.inference.reader import Reader

        reader = Reader(Path(model))
        return lambda images: reader.read([decode_image(image) for image in images])
    from studies.registry.model_registry import find, newest_champion

    registered = newest_champion(workspace) if model is None else find(workspace, model)
    if model is None:
        tags = registered.tags
        origin = f"study {tags.get('study')}, trial {tags.get('trial')}"
        print(f"reading with models:/{registered.model}@champion, version {registered.version} ({origin})", file=sys.stderr)
    return registered.read
