"""`paretext` alone: what is there, and the commands that one would give next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studies.run.study_list import StudySummary
    from studies.workspace.paths import Workspace

FIRST = (
    ("paretext search", "handwritten digits: 4 minutes"),
    ("paretext search --data lines/ --time 30m", "your own: x.png, x.gt.txt"),
)
"""The two first commands where there is no study."""


def run() -> int:
    """Prints what is there and what comes next."""
    from studies.workspace.paths import Workspace

    workspace = Workspace.of_environment()
    for line in [*_lines(workspace), "", "All commands: paretext --help"]:
        print(line)
    return 0


def _lines(workspace: Workspace) -> list[str]:
    if not workspace.holds_studies:
        return ["Paretext finds small networks that read lines of text.", "", *_beginning(workspace)]
    from studies.run.study_list import list_studies

    studies = [study for study in list_studies(workspace) if study.state not in ("files only", "damaged")]
    if not studies:
        return _beginning(workspace)
    newest, *others = studies
    lines = [f"Study {describe(newest)}", *_commands(_for_study(newest))]
    if others:
        more = "1 more study" if len(others) == 1 else f"{len(others):,} more studies"
        lines += ["", f"{more}: paretext studies"]
    return lines + _model_lines(workspace)


def _beginning(workspace: Workspace) -> list[str]:
    return [f"No study is in {workspace.folder} yet. Start one:", *_commands(FIRST)]


def _model_lines(workspace: Workspace) -> list[str]:
    """About the models that were promoted; nothing where there is none, or where MLflow's server does not answer."""
    from studies.registry.quick_look import champions, is_reachable

    try:
        found = champions(workspace) if is_reachable(workspace) else []
    except Exception:  # servers raise many kinds, and the studies are here: a command that asks for a model says what is wrong
        return []
    if not found:
        return []
    (name, version), *others = found
    more = f" (and {len(others)} more)" if others else ""
    commands = (
        ("paretext predict IMAGE", "read images or folders"),
        (f"paretext test {name} --data SOURCE", "accuracy and errors"),
        (f"paretext serve {name}", "over HTTP"),
    )
    return ["", f"Model models:/{name}@champion, version {version}{more}", *_commands(commands)]


def describe(study: StudySummary) -> str:
    """A study in one line: its name, state, trials and best candidate."""
    from dashboards.views.console import accuracy_words
    from search_space import write_size

    trials = f"{study.trials} trials" if study.wanted is None else f"{study.trials} of {study.wanted} trials"
    best = (
        "nothing reads yet"
        if study.best is None
        else f"best {accuracy_words(study.best.accuracy, study.best.validation_lines)}, {write_size(study.best.size_bytes)}"
    )
    return f"'{study.name}': {study.state}, {trials}, {best}"


def _for_study(study: StudySummary) -> list[tuple[str, str]]:
    """Commands for the study that was changed last."""
    go_on = (f"paretext search --name {study.name}", "go on")
    if study.state == "complete":
        go_on = (f"paretext search --name {study.name} --trials {2 * max(1, study.trials)}", "go on, with more trials")
    if study.best is None:
        return [go_on, (f"paretext trials {study.name}", "why each ended")]
    look = [
        (f"paretext front {study.name}", "the Pareto front"),
        (f"paretext trials {study.name}", "why each ended"),
    ]
    promote = (f"paretext promote {study.name} --size-limit 500KB", "the best that fits")
    return [*look, *([] if study.state == "running" else [go_on]), promote]


def _commands(rows: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> list[str]:
    width = max(len(command) for command, _ in rows)
    return [f"  {command:<{width}}  # {remark}" for command, remark in rows]
