"""`paretext promote`: makes a candidate of a study the champion of a registered model."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.cli import options

if TYPE_CHECKING:
    from studies.registry.promoted_version import PromotedVersion

DESCRIPTION = """\
The best candidate of a study within a size limit, or a trial that you name,
becomes a new version of a model in the MLflow registry, and the alias
'champion' points to it. So does what 'paretext train' has trained:
  paretext promote runs/trainings/FOLDER --as MODEL

If no candidate is within the size limit, the weights of a candidate on the
front are stored anew so that the file fits. With --shrink the file is stored
in as few bytes as read equally well.

If the model has a champion already, both read the test lines of the study (the
validation lines, if it has no test lines). A candidate that is worse (McNemar's
test), or not told apart and larger, is refused."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "promote",
        help="make a candidate the champion, if it is better than the one before",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="name of a study, or folder of a training")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--size-limit",
        metavar="SIZE",
        type=options.size,
        help="promote the best candidate within this size, such as 500KB or 1.5MiB",
    )
    choice.add_argument("--trial", metavar="N", type=options.trial_number, help="promote this trial, whatever its size")
    parser.add_argument(
        "--shrink",
        metavar="POINTS",
        nargs="?",
        const="",
        type=_points,
        help="store the chosen file in as few bytes as lose at most so many points of accuracy, such as 0.5; without a number, "
        "as lose none that the validation lines tell (McNemar's test)",
    )
    parser.add_argument("--as", metavar="MODEL", dest="model", help="name of the registered model (default: the study's)")
    compared = parser.add_mutually_exclusive_group()
    compared.add_argument("--data", metavar="SOURCE", help="compare on these labelled lines, such as a folder")
    lines_help = "compare on these lines of the study (default: test, or validation where there are no test lines)"
    compared.add_argument("--lines", choices=("test", "validation"), help=lines_help)
    refused = parser.add_mutually_exclusive_group()
    refused.add_argument("--force", action="store_true", help="promote a candidate that is refused; its tags say so")
    challenger_help = "register a candidate that is refused under the alias 'challenger'"
    refused.add_argument("--challenger", action="store_true", help=challenger_help)
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")
    parser.add_argument("--json", action="store_true", help="print the promoted version as JSON")
    parser.set_defaults(run=run, interrupted="stopped; if the last line above does not name a champion, it is the one before")


def run(arguments: argparse.Namespace) -> int:
    """Promotes a candidate and prints the new version."""
    from dashboards.views.console import print_json
    from dashboards.views.counted_progress import CountedProgress
    from search_space import parse_size
    from studies.run.promotion_candidate import GateOptions, Shrink, find_candidate, promote_candidate
    from studies.run.recoded_points import how_it_was_made
    from studies.workspace.paths import Workspace

    workspace = Workspace.of_environment()
    limit = None if arguments.size_limit is None else parse_size(arguments.size_limit)
    shrink = None if arguments.shrink is None else Shrink(arguments.shrink.loss)
    candidate = find_candidate(arguments.name, workspace, limit, arguments.trial, shrink)
    with CountedProgress("reading lines") as progress:
        refused = arguments.force, arguments.challenger, arguments.dry_run
        options = GateOptions(arguments.data, arguments.lines, *refused, progress.show)
        promotion = promote_candidate(candidate, arguments.model, workspace, options)
    if arguments.json:
        print_json(promotion.as_dict())
    else:
        print(_words(promotion, how_it_was_made(candidate.point)))
        if candidate.is_smallest:
            print("no smaller file of its training reads as well")
        if promotion.gate is not None:
            print(f"{'promoted although ' if promotion.outcome == 'forced' else ''}{promotion.gate}")
    return 0


@dataclass(frozen=True)
class _Loss:
    """What `--shrink` may lose: a fraction of the validation lines; None: none that McNemar's test sees."""

    loss: float | None


def _points(text: str) -> _Loss:
    """The value of `--shrink`: points of accuracy."""
    if not text:
        return _Loss(None)
    try:
        points = float(text)
    except ValueError:
        points = -1.0
    if not 0 <= points <= 100:
        raise argparse.ArgumentTypeError(f"must be points of accuracy, from 0 to 100, such as 0.5, not '{text}'")
    return _Loss(points / 100)


def _words(promotion: PromotedVersion, made: str) -> str:
    """What has happened, or what would, in one line; `made` says how its file was made, if it was stored anew."""
    from dashboards.views.console import accuracy_words
    from search_space import write_size

    p = promotion
    if p.outcome == "unchanged":
        return f"{p.address} is version {p.version} already, with the same file; nothing has changed"
    measured = f"accuracy {accuracy_words(p.accuracy, p.validation_lines)}, {write_size(p.size_bytes)}"
    if p.test_accuracy is not None:
        measured += f"; {p.test_lines:,} test lines: {accuracy_words(p.test_accuracy, p.test_lines)}"
    before = ""
    if p.previous_version is not None:
        before = f" ({'champion' if p.outcome == 'challenger' else 'before'}: version {p.previous_version})"
    begun = "" if p.parent is None else f"begun from {p.parent}, "
    origin = ("a training" if p.study is None else f"trial {p.trial}") + (f", {made}" if made else "")
    is_now = "would become" if p.dry_run else "is now"
    return f"{p.address} {is_now} version {p.version}{before}: {origin}, {begun}{measured}"
