"""`paretext studies`: lists the studies of the workspace, renames or deletes one with everything that belongs to it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.run.study_list import StudySummary

DESCRIPTION = """\
Without WHAT: lists all studies, the one that was changed last first, with their state, trials, best candidate
and the size of their files."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand with its own subcommands."""
    parser = subparsers.add_parser("studies", help="list studies; rename or delete one", description=DESCRIPTION)
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the list."""
    from dashboards.views.console import print_json, stderr_console, stdout_console
    from studies.run.study_list import list_studies
    from studies.workspace.paths import Workspace

    workspace = Workspace.of_environment()
    studies = list_studies(workspace)
    if arguments.json:
        print_json([study.as_dict() for study in studies])
    elif studies:
        stdout_console().print(_table(studies))
    else:
        line = f"no study is in {workspace.folder} yet; start one with 'paretext search'"
        stderr_console().print(line, markup=False, soft_wrap=True)
    return 0


def _table(studies: list[StudySummary]) -> Any:
    """The list for a terminal; it fits 80 columns if the names are short."""
    from rich.table import Table

    from dashboards.views.console import percent
    from search_space import write_size

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("study", overflow="fold")
    table.add_column("state")
    table.add_column("trials", justify="right", no_wrap=True)
    table.add_column("best", no_wrap=True)
    table.add_column("files", justify="right", no_wrap=True)
    table.add_column("last changed", no_wrap=True)
    for study in studies:
        waiting = f" +{study.waiting}" if study.waiting else ""
        trials = f"{study.trials:,}" if study.wanted is None else f"{study.trials:,} of {study.wanted:,}"
        best = "" if study.best is None else f"{percent(study.best.accuracy)}, {write_size(study.best.size_bytes)}"
        changed = "" if study.changed is None else f"{study.changed:%Y-%m-%d %H:%M}"
        state = f"running on {study.runner.partition(':')[0]}" if study.runner else study.state
        table.add_row(study.name, state, trials + waiting, best, write_size(study.size_bytes), changed)
    if any(study.waiting for study in studies):
        table.caption, table.caption_justify = "+N: trainings that the next run resumes", "left"
    return table
