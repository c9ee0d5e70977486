"""`paretext rollback`: makes an earlier version of a registered model the champion again."""

from __future__ import annotations

import argparse
from typing import Any

from dashboards.cli import options

DESCRIPTION = """\
The version that was the champion before becomes the champion again, or a version that you name.
'paretext models MODEL' lists all versions. No version is deleted."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("rollback", help="make an earlier version the champion again", description=DESCRIPTION)
    parser.add_argument("model", metavar="MODEL", help="name of the registered model")
    parser.add_argument("--to", metavar="VERSION", type=options.count, help="this version (default: the champion before)")
    parser.add_argument("--json", action="store_true", help="print the change as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Rolls back and prints the champion."""
    from dashboards.views.console import print_json
    from studies.api import rollback

    change = rollback(arguments.model, arguments.to)
    if arguments.json:
        print_json({"model": arguments.model, **change.as_dict()})
    else:
        print(f"models:/{arguments.model}@champion is version {change.version} again (before: version {change.before})")
    return 0
