"""`paretext studies`: lists the studies of the workspace, or renames or deletes one with everything that belongs to it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.run.study_list import StudySummary

DESCRIPTION = """\
Without WHAT: lists all studies, the one that was changed last first, with their state, trials, best candidate
and the size of their files. The exit code is 2 if one of them is damaged."""

DELETE = """\
Deletes a study: its trials, models, logs and checkpoints, and its MLflow runs. Models that were promoted from it and
decoded lines stay. Refused while a search runs the study. A deletion that was interrupted can be repeated."""

RENAME = """\
Gives a study another name: its trials, models, logs and checkpoints, and its MLflow runs. Models that were promoted from it
keep their names. Refused while a search runs the study. A renaming that was interrupted can be repeated; until then, the study
is whole under one of the two names."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand with its own subcommands."""
    parser = subparsers.add_parser("studies", help="list studies, rename or delete one", description=DESCRIPTION)
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="studies_verb", metavar="WHAT")
    rename = verbs.add_parser("rename", help="give a study another name", description=RENAME)
    rename.add_argument("name", metavar="OLD", help="name of a study")
    rename.add_argument("new_name", metavar="NEW", help="its new name")
    rename.set_defaults(run=run_rename, interrupted="stopped; run the same command again to complete it")
    delete = verbs.add_parser("delete", help="delete a study with everything that belongs to it", description=DELETE)
    delete.add_argument("name", metavar="NAME", help="name of a study")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    delete.set_defaults(run=run_delete, interrupted="stopped; run the same command again to delete the rest")


def run(arguments: argparse.Namespace) -> int:
    """Prints the list."""
    from dashboards.views.console import print_json, stderr_console, stdout_console
    from studies.run.study_list import list_studies
    from studies.workspace.paths import Workspace
    from trainers.base.printable import printable

    workspace = Workspace.of_environment()
    studies = list_studies(workspace)
    if arguments.json:
        print_json([study.as_dict() for study in studies])
    elif studies:
        stdout_console().print(_table(studies))
    else:
        line = f"no study is in {workspace.folder} yet; start one with 'paretext search'"
        stderr_console().print(line, markup=False, soft_wrap=True)
    faults = [study.fault for study in studies if study.fault is not None]
    for fault in faults:
        stderr_console().print(f"paretext: {printable(fault)}", markup=False, soft_wrap=True)
    return 2 if faults else 0


def run_rename(arguments: argparse.Namespace) -> int:
    """Renames a study."""
    import sys

    from studies.run.study_renaming import rename_study
    from studies.workspace.paths import Workspace

    old, new = arguments.name, arguments.new_name
    rename_study(Workspace.of_environment(), old, new, lambda line: print(f"paretext: {line}", file=sys.stderr))
    print(f"study '{old}' is now called '{new}'")
    return 0


def run_delete(arguments: argparse.Namespace) -> int:
    """Deletes a study, after asking; returns 1 if the answer is no."""
    import sys

    from search_space import write_size
    from studies.run.study_list import list_studies
    from studies.run.study_removal import delete_study
    from studies.storage.pareto_front import load_store
    from studies.workspace.paths import Workspace
    from trainers.base.errors import UserError

    workspace = Workspace.of_environment()
    summary = next((study for study in list_studies(workspace) if study.name == arguments.name), None)
    if summary is None:
        load_store(workspace, arguments.name)  # raises, with the nearest name
        raise UserError(f"study '{arguments.name}' was not made by Paretext; it is not deleted")
    if summary.fault is not None:
        raise UserError(summary.fault)
    what = f"study '{summary.name}' ({summary.state}, {summary.trials:,} finished trials, {write_size(summary.size_bytes)})"
    if not arguments.yes:
        if not sys.stdin.isatty():
            raise UserError(f"{what} is not deleted without a question; add --yes")
        print(f"Delete {what}, with its models and logs? Models that were promoted stay. [y/N] ", end="", flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("nothing was deleted")
            return 1
    delete_study(workspace, arguments.name, lambda line: print(f"paretext: {line}", file=sys.stderr))
    print(f"deleted {what}")
    return 0


def _table(studies: list[StudySummary]) -> Any:
    """The list for a terminal; it fits 80 columns if the names are short."""
    from rich.table import Table

    from dashboards.views.console import accuracy_words
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
        best = ""
        if study.best is not None:
            read = accuracy_words(study.best.accuracy, study.best.validation_lines)
            best = f"{read}, {write_size(study.best.size_bytes)}"
        changed = "" if study.changed is None else f"{study.changed:%Y-%m-%d %H:%M}"
        state = f"running on {study.runner.partition(':')[0]}" if study.runner else study.state
        table.add_row(study.name, state, trials + waiting, best, write_size(study.size_bytes), changed)
    if any(study.waiting for study in studies):
        table.caption, table.caption_justify = "+N: trainings that the next run resumes", "left"
    return table
