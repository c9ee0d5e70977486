"""`paretext reproduce`: trains a model again from its record, and compares the bytes."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from studies.registry.model_lookup import FORMS

if TYPE_CHECKING:
    from studies.run.reproduction import Reproduction
    from trainers.base.progress import EpochReport

DESCRIPTION = """\
Trains a model again, with the lines, seed, initial weights and threads that are recorded with it, and says whether the
file is identical, byte for byte. It takes as long as the training took. Nothing in the workspace changes."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("reproduce", help="train a model again and compare it", description=DESCRIPTION)
    parser.add_argument(
        "model", metavar="MODEL", nargs="?", help=f"{FORMS}, such as that of a trial (default: the newest champion)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run, interrupted="stopped; nothing was changed")


def run(arguments: argparse.Namespace) -> int:
    """Trains, compares and says what came of it; 1 if the files differ."""
    from dashboards.views.console import print_json
    from studies.run.reproduction import reproduce
    from studies.workspace.paths import Workspace

    found = reproduce(arguments.model, Workspace.of_environment(), _say_epoch, _say)
    if arguments.json:
        print_json(found.as_dict())
    else:
        _tell(found)
    return 0 if found.identical else 1


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _say_epoch(report: EpochReport) -> None:
    _say(f"epoch {report.epoch}/{report.epochs}: CER {100 * report.cer:.1f} %, {report.seconds:.1f} s")


def _tell(found: Reproduction) -> None:
    epochs = f"{found.epochs} {'epoch' if found.epochs == 1 else 'epochs'}"
    if found.identical:
        print(f"{found.model}: identical, byte for byte, after {epochs} (SHA-256 {found.sha256})")
        return
    points = 100 * (found.found_accuracy - found.accuracy)
    print(
        f"{found.model}: differs after {epochs}: accuracy {100 * found.found_accuracy:.1f} % instead of "
        f"{100 * found.accuracy:.1f} % ({points:+.1f} points), {found.found_size_bytes:,} bytes instead of {found.size_bytes:,}"
    )
    print("\n".join(found.differences or ("nothing is known to differ: libraries, Python and processor are the same",)))
