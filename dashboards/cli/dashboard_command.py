"""`paretext dashboard`: shows the studies of this machine with optuna-dashboard, in a browser on this machine."""

from __future__ import annotations

import argparse
from typing import Any

from dashboards.cli import options


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("dashboard", help="browse studies in a web page", description=__doc__)
    parser.add_argument("name", metavar="NAME", nargs="?", help="study to open (default: the list of all studies)")
    parser.add_argument(
        "--port", metavar="P", type=options.port, default=8080, help="TCP port; 0 is any free one (default: 8080)"
    )
    parser.set_defaults(run=run, interrupted="the dashboard has stopped")


def run(arguments: argparse.Namespace) -> int:
    """Prints the address and serves until interrupted."""
    from dashboards.views.board_server import HOST, open_server
    from studies.storage.pareto_front import load_store
    from studies.workspace.paths import Workspace
    from trainers.base.errors import UserError

    workspace = Workspace.of_environment()
    page = "dashboard/"
    if arguments.name is not None:
        page = f"dashboard/studies/{load_store(workspace, arguments.name).optuna_study._study_id}"
    elif not workspace.holds_studies:
        raise UserError(f"{workspace.folder} holds no study yet; start one with 'paretext search'")
    with open_server(workspace, arguments.port) as server:
        print(f"http://{HOST}:{server.server_port}/{page}", flush=True)
        server.serve_forever()
    return 0
