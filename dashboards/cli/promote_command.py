"""`paretext promote`: makes a candidate of a study the champion of a registered model."""

from __future__ import annotations

import argparse
from typing import Any

from dashboards.cli import options

DESCRIPTION = """\
The best candidate of a study within a size limit, or a trial that you name, becomes a new version of a
model in the MLflow registry, and the alias 'champion' points to it."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("promote", help="make a candidate the champion", description=DESCRIPTION)
    parser.add_argument("name", metavar="NAME", help="name of a study")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--size-limit",
        metavar="SIZE",
        type=options.size,
        help="promote the best candidate within this size, such as 500KB or 1.5MiB",
    )
    choice.add_argument("--trial", metavar="N", type=options.trial_number, help="promote this trial, whatever its size")
    parser.add_argument("--as", metavar="MODEL", dest="model", help="name of the registered model (default: the study's)")
    parser.add_argument("--json", action="store_true", help="print the promoted version as JSON")
    parser.set_defaults(run=run, interrupted="stopped; if the last line above does not name a champion, it is the one before")


def run(arguments: argparse.Namespace) -> int:
    """Promotes a candidate and prints the new version."""
    from dashboards.views.console import accuracy_words, print_json
    from search_space import parse_size, write_size
    from studies.registry.model_registry import promote
    from studies.storage.pareto_front import load_points, pick
    from studies.workspace.paths import Workspace

    workspace = Workspace.of_environment()
    limit = None if arguments.size_limit is None else parse_size(arguments.size_limit)
    point = pick(load_points(workspace, arguments.name), limit, arguments.trial, name=f"study '{arguments.name}'")
    promotion = promote(point, arguments.model or arguments.name, workspace, arguments.name)
    if arguments.json:
        print_json(promotion.as_dict())
        return 0
    measured = f"accuracy {accuracy_words(point.accuracy, point.validation_lines)}, {write_size(point.size_bytes)}"
    if point.test_accuracy is not None:
        measured += f"; {point.test_lines:,} test lines: {accuracy_words(point.test_accuracy, point.test_lines)}"
    before = "" if promotion.previous_version is None else f" (before: version {promotion.previous_version})"
    print(f"{promotion.address} is now version {promotion.version}{before}: trial {point.trial}, {measured}")
    return 0
