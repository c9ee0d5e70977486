"""`paretext dashboard`: shows the studies with optuna-dashboard in a browser."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from dashboards.cli import options

if TYPE_CHECKING:
    from types import FrameType

LOOPBACK = "127.0.0.1"
"""The address that only this machine can reach."""
DESCRIPTION = """\
Shows studies in a browser with optuna-dashboard, also while a search runs: fronts, notes, learning curves, misread
lines. Prints the address, and serves until Ctrl-C."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("dashboard", help="browse studies in a web page", description=DESCRIPTION)
    parser.add_argument("name", metavar="NAME", nargs="?", help="study to open (default: the list of all studies)")
    parser.add_argument(
        "--port", metavar="P", type=options.port, default=8080, help="TCP port; 0 is any free one (default: 8080)"
    )
    host_help = (
        f"address to listen on; another than {LOOPBACK} lets other machines in, without a password (default: {LOOPBACK})"
    )
    parser.add_argument("--host", metavar="ADDRESS", default=LOOPBACK, help=host_help)
    parser.add_argument("--open", action="store_true", help="open the page in the browser of this machine")
    parser.add_argument("--mlflow", action="store_true", help="show the runs and registered models with MLflow's own pages")
    parser.set_defaults(run=run, interrupted="the dashboard has stopped")


class _Terminated(Exception):
    """The process was asked to end (SIGTERM)."""


def run(arguments: argparse.Namespace) -> int:
    """Prints the address and serves until interrupted; SIGTERM ends it with exit code 0."""
    import signal

    from trainers.base.errors import UserError

    if arguments.mlflow:
        from dashboards.cli.mlflow_pages import show_mlflow

        if arguments.host not in (LOOPBACK, "localhost"):
            raise UserError(
                f"--host does not go with --mlflow: MLflow's server has no password and listens on {LOOPBACK} alone; from "
                f"another machine it is reached through 'ssh -L PORT:{LOOPBACK}:PORT HOST'"
            )
        return show_mlflow(arguments.name, arguments.port, arguments.open)
    from studies.storage.pareto_front import load_store
    from studies.workspace.paths import Workspace

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise _Terminated

    workspace = Workspace.of_environment()
    page = "dashboard/"
    if arguments.name is not None:
        page = f"dashboard/studies/{load_store(workspace, arguments.name).optuna_study._study_id}"
    elif not workspace.holds_studies:
        raise UserError(f"{workspace.folder} holds no study yet; start one with 'paretext search'")
    former = signal.signal(signal.SIGTERM, end)
    try:
        _serve(arguments, workspace, page)
    except _Terminated:
        print("paretext: the dashboard has stopped", file=sys.stderr)
    finally:
        signal.signal(signal.SIGTERM, former)
    return 0


def _serve(arguments: argparse.Namespace, workspace: Any, page: str) -> None:
    from dashboards.views.addresses import LOCAL_NAMES, url_of
    from dashboards.views.board_server import open_server

    with open_server(workspace, arguments.port, arguments.host, arguments.name) as server:
        address = f"{url_of(arguments.host, server.server_port)}/{page}"
        print(address, flush=True)
        if sys.stdout.isatty():
            print("Ctrl-C ends it", flush=True)
        if arguments.host not in LOCAL_NAMES:
            line = "every machine that reaches this address can change and delete studies; there is no password"
            print(f"paretext: {line}", file=sys.stderr)
        if arguments.open:
            import webbrowser

            webbrowser.open(address)
        server.serve_forever()
