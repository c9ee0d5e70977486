"""`paretext search`: runs or continues a study, then prints its Pareto front."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.cli import options

if TYPE_CHECKING:
    from dashboards.views.live_table import LiveTable
    from dashboards.views.progress_lines import ProgressLines
    from studies.definition.settings import Setting
    from studies.definition.study import Study
    from studies.run.observer import StudyFacts, Summary
    from studies.storage.front_point import FrontPoint
    from studies.workspace.paths import Workspace

DESCRIPTION = """\
Runs a study and prints its Pareto front. Without arguments: the built-in study on lines of handwritten
digits. A study of the same name is continued; --name without a study file and without --data only
continues one. There and in the built-in study, --trials or --epochs without --time lifts the time limit."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("search", help="run or continue a study", description=DESCRIPTION)
    parser.add_argument("study", metavar="STUDY.toml", nargs="?", type=Path, help="a study file; options below override it")
    parser.add_argument("--json", action="store_true", help="print the front as JSON")
    parser.add_argument(
        "--accept-data",
        action="store_true",
        help="continue a study although its training or validation lines have changed since its trials were measured",
    )
    parser.set_defaults(run=run, interrupted="stopped; run the same command again to continue")
    parser.complete_later(add_settings)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Adds an option for each setting of a study that has one; its value is kept under the setting's key."""
    from studies.definition.settings import settings

    for setting in settings():
        if setting.flag is None:
            continue
        parser.add_argument(
            setting.flag.option,
            dest=setting.key,
            metavar=setting.flag.metavar,
            type=_reader(setting),
            choices=setting.choices or None,
            help=_help(setting),
        )


def _reader(setting: Setting) -> Any:
    """The type of an option. argparse calls it, so that a message about a wrong value names the option."""
    if setting.flag is not None and setting.flag.several:
        return options.names
    if setting.is_number:
        return options.whole_number(setting.least)
    if setting.may_be_off:
        return options.valid_or_false(setting.check)
    return str if setting.choices else options.valid(setting.check)


def _help(setting: Setting) -> str:
    """The description with an example and the default, for a parser that expands % signs."""
    written = setting.default
    default = ",".join(written) if isinstance(written, list) else written
    example = ",".join(setting.example) if isinstance(setting.example, list) else setting.example
    shown = f"{setting.description}; such as {example}" + (
        "" if default is None or "without it" in setting.description else f" (default: {default})"
    )
    return shown.replace("%", "%%")


def overrides(arguments: argparse.Namespace) -> dict[str, Any]:
    """Settings that have an option, by key, with their values on the command line; None if the option is not given."""
    from studies.definition.settings import settings

    return {setting.key: getattr(arguments, setting.key) for setting in settings() if setting.flag is not None}


def run(arguments: argparse.Namespace) -> int:
    """Searches, then shows the front and what comes next.

    Returns:
        1 when nothing reads yet, 130 after Ctrl-C, otherwise 0.

    Raises:
        RunFault: the run met a fault of the machine; the front so far has been shown.
    """
    began = time.monotonic()  # the imports below take seconds, which are part of its time
    from studies.definition.study_file import load_study
    from trainers.base.errors import UserError

    given = overrides(arguments)
    if given["search.address"] is not None and given["search.engine"] is None:
        given["search.engine"] = "ray"
    study = load_study(arguments.study, given)
    with _watcher() as watcher:
        from dashboards.views.board_writer import BoardWriter
        from dashboards.views.front_plot import draw as draw_front
        from studies.run.fault_watch import RunFault  # behind the watcher: these imports take seconds
        from studies.run.search import search, stored_study
        from studies.storage.pareto_front import load_front
        from studies.workspace.paths import Workspace

        workspace = Workspace.of_environment()
        if arguments.study is None and given["name"] is not None and given["data.source"] is None:
            _check_exists(workspace, study.name)
        if arguments.study is None and (stored := stored_study(workspace, study.name)) is not None:
            study = continued(stored, given)
        fault = None
        try:
            with BoardWriter(watcher, workspace) as observer:
                summary = search(study, workspace, observer, began=began, accept_data=arguments.accept_data, draw=draw_front)
        except RunFault as stopped_by:
            fault = stopped_by  # raised below, once the watcher has left the terminal
    if fault is not None:
        with suppress(UserError):  # the studies may be on the disk that is full
            _show_front(arguments, load_front(workspace, study.name))
        raise fault
    return _show(arguments, study, workspace, summary, watcher.facts)


def _show(arguments: argparse.Namespace, study: Study, workspace: Workspace, summary: Summary, facts: StudyFacts | None) -> int:
    """Shows what a search has come to, on stdout, and what comes next, on stderr; returns the exit code."""
    from dashboards.cli.after_search import SearchEnd, next_commands, nothing_reads
    from dashboards.views.console import stderr_console
    from studies.run.budget import INTERRUPTED
    from studies.run.reading_progress import lowest_cer, waiting_trainings
    from studies.storage.pareto_front import load_front, load_store

    front, trials = load_front(workspace, study.name), load_store(workspace, study.name).stored_trials()
    end = SearchEnd(study.name, tuple(arguments.words), summary, waiting_trainings(trials), facts)
    _show_front(arguments, front)
    if not front:
        said = nothing_reads(end, lowest_cer(trials, workspace, study.name), bool(study.data.rendered))
    else:
        said = [] if arguments.json else next_commands(end)
    for line in said:
        stderr_console().print(line, markup=False, soft_wrap=True)
    return 130 if summary.reason == INTERRUPTED else 0 if front else 1


def _show_front(arguments: argparse.Namespace, front: list[FrontPoint]) -> None:
    """Prints a front to stdout, as a table or as JSON."""
    from dashboards.views.console import print_json, stdout_console

    if arguments.json:
        print_json([point.as_dict() for point in front])
    elif front:
        from dashboards.views.front_table import front_table

        console = stdout_console()
        console.print(front_table(front, console.width))


def _check_exists(workspace: Workspace, name: str) -> None:
    """Raises NoSuchStudy if there is no study of a name: a mistyped name must not begin the built-in study."""
    from studies.storage.pareto_front import load_store
    from studies.storage.study_faults import ForeignStudy, NoSuchStudy

    try:
        load_store(workspace, name)
    except ForeignStudy:
        raise
    except NoSuchStudy as error:
        raise NoSuchStudy(f"{error}; a new study of that name needs its data: --data SOURCE, or a study file") from None


def continued(stored: Study, given: dict[str, Any]) -> Study:
    """A study as it is, with nothing changed but what the command line names."""
    if given["budget.time"] is None and (given["budget.trials"] or given["budget.epochs"]):
        budget = stored.budget.model_copy(update={"time": None})  # whoever says how much to train has the time
        stored = stored.model_copy(update={"budget": budget})
    if given["search.sampler"] is not None and given["search.sampler"] != stored.search.sampler:
        search = stored.search.model_copy(update={"early_stopping": "auto"})  # "gain" is for one sampler alone
        stored = stored.model_copy(update={"search": search})
    return stored.with_overrides(given)


def _watcher() -> LiveTable | ProgressLines:
    """A live table on a terminal, plain lines elsewhere; both on stderr."""
    from dashboards.views.console import stderr_console

    console = stderr_console()
    if console.is_terminal and not console.is_dumb_terminal:
        from dashboards.views.live_table import LiveTable

        return LiveTable(console)
    from dashboards.views.progress_lines import ProgressLines

    return ProgressLines(sys.stderr)
