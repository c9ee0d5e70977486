"""`paretext sync`: completes MLflow's copy of studies."""

from __future__ import annotations

import argparse
from typing import Any

DESCRIPTION = """\
Writes to MLflow what is missing of a study, or of all studies: after the tracking server did not answer, after a search
was killed, or when MLFLOW_TRACKING_URI names another place. What is there already is skipped, so it can be repeated."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("sync", help="write to MLflow what is missing there", description=DESCRIPTION)
    parser.add_argument("name", metavar="NAME", nargs="?", help="name of a study (default: all studies)")
    parser.set_defaults(run=run, interrupted="stopped; run the same command again to write the rest")


def run(arguments: argparse.Namespace) -> int:
    """Completes one study or all, and prints a line for each."""
    from dashboards.views.front_plot import draw
    from studies.run.sync import sync
    from studies.storage.backends import open_storage
    from studies.storage.stored_names import names_of_paretext
    from studies.workspace.paths import Workspace
    from trainers.base.errors import UserError
    from trainers.base.redaction import redact

    workspace = Workspace.of_environment()
    if arguments.name is None and not workspace.holds_studies:
        raise UserError(f"{workspace.folder} holds no study yet; start one with 'paretext search'")
    names = names_of_paretext(open_storage(workspace.optuna_url)) if arguments.name is None else [arguments.name]
    for name in names:
        done = sync(workspace, name, draw)
        if done.running:
            print(f"{name}: is being run; the search writes it")
        else:
            missing = "nothing was missing" if not done.written else f"{done.written:,} trials written"
            print(f"{name}: {missing} in MLflow at {redact(workspace.mlflow_uri)}", flush=True)
    return 0
