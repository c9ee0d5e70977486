"""`paretext trials`: all trials of a study, with what each is, how far it was trained, what it reached, and why it ended."""

from __future__ import annotations

import argparse
import sys
from typing import Any

DESCRIPTION = "Lists all trials of a study: what each is, how far it was trained, what it reached, and why it ended."


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("trials", help="list all trials of a study, and why each ended", description=DESCRIPTION)
    parser.add_argument("name", metavar="NAME", help="name of a study")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print CSV, with each field of the architecture as a column")
    form.add_argument("--json", action="store_true", help="print the trials as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the trials, oldest first."""
    from dashboards.views.console import print_json, stderr_console, stdout_console
    from dashboards.views.trial_list import TrialRow, trial_lines, write_csv
    from studies.storage.pareto_front import load_store, pareto_front, points_of
    from studies.workspace.paths import Workspace

    workspace = Workspace.of_environment()
    store = load_store(workspace, arguments.name)
    trials, epochs = store.stored_trials(), store.epochs
    points = points_of(trials, workspace, epochs, store.written_recipe)
    front = {point.trial for point in pareto_front(points, store.objectives)}
    rows = [TrialRow.of(trial, epochs, trial.number in front, workspace.folder) for trial in trials]
    if arguments.json:
        print_json([row.as_dict() for row in rows])
    elif arguments.csv:
        write_csv(rows, sys.stdout)
    elif not rows:
        stderr_console().print(f"study '{arguments.name}' has no trial yet", markup=False)
    else:
        console = stdout_console()
        for line in trial_lines(rows, console.width if console.is_terminal else None):
            print(line)
    return 0
