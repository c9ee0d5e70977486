"""`paretext report`: a study as one HTML page, which needs no network and can be sent to anyone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Writes one HTML page about a study: its front with a card for each file, progress, importance of the dimensions,
learning curves, what was refused and why, the data, and how to make the study again. The page needs no network."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("report", help="write a web page about a study", description=DESCRIPTION)
    parser.add_argument("name", metavar="NAME", help="name of a study")
    parser.add_argument("--html", metavar="FILE", type=Path, help="where to write (default: report.html in the study's folder)")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE even if it is no report")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.add_argument(
        "--watch", action="store_true", help="keep the page up to date while a search runs; it loads itself again"
    )
    parser.set_defaults(run=run, interrupted="the report is no longer kept up to date")


def run(arguments: argparse.Namespace) -> int:
    """Writes the page, prints where it is, and keeps it up to date if asked."""
    from dashboards.cli.version import version
    from dashboards.views.console import stderr_console
    from dashboards.views.report.contents import Contents
    from dashboards.views.report.page import check_replaceable
    from dashboards.views.report.watching import Report
    from studies.storage.pareto_front import load_store
    from studies.workspace.paths import Workspace

    workspace = Workspace.of_environment()
    load_store(workspace, arguments.name)
    file = arguments.html or _default(workspace.study(arguments.name))
    if not arguments.overwrite:
        check_replaceable(file)
    report = Report(workspace, arguments.name, file, version(), arguments.overwrite)
    if not arguments.watch:
        report.write()
        _show(file, arguments.open)
        return 0
    shown = False

    def written(contents: Contents) -> None:
        nonlocal shown
        if not shown:
            _show(file, arguments.open)
            waits = "" if contents.runner else "; no search runs yet"
            stderr_console().print(f"kept up to date until the search ends (Ctrl-C ends it now){waits}", markup=False)
        shown = True

    report.keep(written)
    return 0


def _default(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "report.html"


def _show(file: Path, in_browser: bool) -> None:
    """Prints where the page is, and opens it if asked."""
    import webbrowser

    print(file, flush=True)
    if in_browser:
        webbrowser.open(file.resolve().as_uri())
