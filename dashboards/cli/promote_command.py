"""`paretext promote`: makes a candidate of a study the champion of a registered model."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.cli import options

if TYPE_CHECKING:
    from studies.storage.front_point import FrontPoint
    from studies.workspace.paths import Workspace

DESCRIPTION = """\
The best candidate of a study within a size limit, or a trial that you name, becomes a new version of a
model in the MLflow registry, and the alias 'champion' points to it. So does what 'paretext train' has
trained, if you name its folder: paretext promote runs/trainings/FOLDER --as MODEL

If no candidate is within the size limit, the weights of a candidate on the front are stored anew so that the
file fits. With --shrink the file is stored in as few bytes as read equally well."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("promote", help="make a candidate the champion", description=DESCRIPTION)
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
    parser.add_argument("--json", action="store_true", help="print the promoted version as JSON")
    parser.set_defaults(run=run, interrupted="stopped; if the last line above does not name a champion, it is the one before")


def run(arguments: argparse.Namespace) -> int:
    """Promotes a candidate and prints the new version."""
    from dashboards.views.console import accuracy_words, print_json
    from search_space import write_size
    from studies.registry.model_registry import promote
    from studies.run.recoded_points import how_it_was_made
    from studies.workspace.paths import Workspace

    workspace = Workspace.of_environment()
    point, study = _chosen(arguments, workspace)
    promotion = promote(point, arguments.model or arguments.name, workspace, study)
    if arguments.json:
        print_json(promotion.as_dict())
        return 0
    measured = f"accuracy {accuracy_words(point.accuracy, point.validation_lines)}, {write_size(point.size_bytes)}"
    if point.test_accuracy is not None:
        measured += f"; {point.test_lines:,} test lines: {accuracy_words(point.test_accuracy, point.test_lines)}"
    before = "" if promotion.previous_version is None else f" (before: version {promotion.previous_version})"
    made = f", {how}" if (how := how_it_was_made(point)) else ""
    begun = "" if promotion.parent is None else f"begun from {promotion.parent}, "
    origin = "a training" if study is None else f"trial {point.trial}"
    print(f"{promotion.address} is now version {promotion.version}{before}: {origin}{made}, {begun}{measured}")
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


def _chosen(arguments: argparse.Namespace, workspace: Workspace) -> tuple[FrontPoint, str | None]:
    """What is promoted, and its study; None for the model of a training.

    Raises:
        UserError: there is no such study, trial or training, nothing fits, or a training needs a name for its model.
    """
    from search_space import parse_size
    from studies.registry.training_point import is_training, training_point
    from studies.run.recoded_points import point_within, smaller_point
    from studies.storage.pareto_front import load_points, pick
    from trainers.base.errors import UserError

    limit = None if arguments.size_limit is None else parse_size(arguments.size_limit)
    if not is_training(arguments.name):
        points = load_points(workspace, arguments.name)
        if limit is None:
            point = pick(points, None, arguments.trial, name=f"study '{arguments.name}'")
        else:
            point = point_within(workspace, arguments.name, points, limit)
        if arguments.shrink is not None:
            point = smaller_point(workspace, arguments.name, points, point, arguments.shrink.loss)
        return point, arguments.name
    if arguments.shrink is not None:
        raise UserError(f"{arguments.name} is a training; --shrink needs a study, whose validation lines it reads")
    point = training_point(Path(arguments.name).expanduser())
    if arguments.trial is not None:
        raise UserError(f"{arguments.name} is a training and has one model; leave --trial out")
    if arguments.model is None:
        raise UserError("a training has no name of its own; name the registered model with --as MODEL")
    if limit is not None and point.size_bytes > limit:
        raise UserError(f"the model in {arguments.name} takes {point.size_bytes} bytes; raise --size-limit, or leave it out")
    return point, None
