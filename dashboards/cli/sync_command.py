"""`paretext sync`: completes MLflow's copy of studies."""

from __future__ import annotations

import argparse
import sys
from typing import Any

DESCRIPTION = """\
Writes to MLflow what is missing of a study, or of all studies: after the tracking server did not answer, after a search
was killed, or when MLFLOW_TRACKING_URI names another place. What is there already is skipped, so it can be repeated. A
study that is damaged is said in one line, the others are written, and the exit code is 2."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("sync", help="write to MLflow what is missing there", description=DESCRIPTION)
    parser.add_argument("name", metavar="NAME", nargs="?", help="name of a study (default: all studies)")
    parser.set_defaults(run=run, interrupted="stopped; run the same command again to write the rest")


def run(arguments: argparse.Namespace) -> int:
    """Completes one study or all, and prints a line for each; one that is damaged keeps no other from being written."""
    from dashboards.cli.error_lines import line_of
    from dashboards.views.front_plot import draw
    from studies.run.sync import check_mlflow, sync
    from studies.storage.backends import open_storage
    from studies.storage.stored_names import names_of_paretext
    from studies.workspace.paths import Workspace
    from trainers.base.errors import UserError
    from trainers.base.redaction import redact

    workspace = Workspace.of_environment()
    if arguments.name is None and not workspace.holds_studies:
        raise UserError(f"{workspace.folder} holds no study yet; start one with 'paretext search'")
    names = names_of_paretext(open_storage(workspace.optuna_url)) if arguments.name is None else [arguments.name]
    code = 0
    for name in names:
        try:
            done = sync(workspace, name, draw)
        except UserError as error:
            if len(names) > 1:
                check_mlflow(workspace)  # without MLflow no other study can be written either, and one line is enough
            print(f"paretext: {line_of(error)}", file=sys.stderr, flush=True)
            code = 2
            continue
        if done.running:
            print(f"{name}: is being run; the search writes it")
        else:
            missing = "nothing was missing" if not done.written else f"{done.written:,} trials written"
            print(f"{name}: {missing} in MLflow at {redact(workspace.mlflow_uri)}", flush=True)
    return code
