"""`paretext search`: runs a study, or goes on with it; ends with its Pareto front."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.cli import options

if TYPE_CHECKING:
    from dashboards.views.live_table import LiveTable
    from dashboards.views.plain_lines import PlainLines
    from studies.definition.study import Study

DESCRIPTION = """\
Runs a study and prints its Pareto front of accuracy and size. Without arguments: the built-in study on
lines of handwritten digits. A study of the same name goes on where it stopped."""

OVERRIDES = {
    "data": "data.source",
    "validation": "data.validation",
    "size_limit": "limits.size",
    "trials": "budget.trials",
    "epochs": "budget.epochs",
    "time": "budget.time",
    "workers": "search.workers",
    "name": "name",
    "sampler": "search.sampler",
    "seed": "search.seed",
    "parameter_limit": "limits.parameters",
    "flops_limit": "limits.flops",
    "latency_limit": "limits.latency",
    "objectives": "search.objectives",
    "warm_start": "search.warm_start",
    "total_epochs": "budget.total_epochs",
    "engine": "search.engine",
    "address": "search.address",
}
"""Option to the key of the study file that it replaces."""


def add_parser(subparsers: Any) -> None:
    """Adds the verb."""
    parser = subparsers.add_parser("search", help="run a study, or go on with it", description=DESCRIPTION)
    parser.add_argument("study", metavar="STUDY.toml", nargs="?", type=Path, help="a study file; options below override it")
    parser.add_argument("--data", metavar="SOURCE", help="digits, a folder of line images with x.gt.txt labels, …")
    parser.add_argument("--validation", metavar="SOURCE", help="the same for validation; default: a part of the data")
    parser.add_argument("--size-limit", metavar="SIZE", type=options.size, help="largest file, such as 500KB, 10MB, 1.5MiB")
    parser.add_argument("--parameter-limit", metavar="N", type=options.number, help="most learnable weights, such as 500K")
    parser.add_argument("--flops-limit", metavar="N", type=options.number, help="most multiply-adds at 3x32x320, such as 80M")
    parser.add_argument("--latency-limit", metavar="TIME", type=options.milliseconds, help="longest for a line, such as 4ms")
    parser.add_argument(
        "--objectives", metavar="A,B", type=options.names, help="two or three of accuracy, cer, size, latency, flops"
    )
    parser.add_argument("--trials", metavar="N", type=options.count, help="trained candidates wanted, earlier runs included")
    parser.add_argument("--epochs", metavar="N", type=options.count, help="epochs of a full training")
    parser.add_argument("--total-epochs", metavar="N", type=options.count, help="epochs of all trainings together")
    parser.add_argument("--time", metavar="TIME", type=options.duration, help="wall-clock limit of this run, such as 30m")
    parser.add_argument("--workers", metavar="N", type=options.count, help="trainings at a time (default: one per core)")
    parser.add_argument("--engine", choices=("local", "ray"), help="where to train: on this machine, or with Ray Tune")
    parser.add_argument("--address", metavar="HOST:PORT", help="of a Ray cluster (docs/cluster.md); takes --engine ray")
    parser.add_argument("--name", metavar="NAME", help="what to call the study (default: after the file or the data)")
    parser.add_argument("--sampler", metavar="NAME", help="who proposes: front, tpe, nsga2, nsga3, gp, random, qmc")
    parser.add_argument("--seed", metavar="N", type=options.seed, help="makes proposals, data order and weights repeatable")
    parser.add_argument(
        "--warm-start", metavar="A,B", type=options.names, help="try first: known models, seed, front:STUDY, mine.toml"
    )
    parser.add_argument("--json", action="store_true", help="print the front as a list for a script")
    parser.set_defaults(run=run, interrupted="stopped; the same command again goes on where this stopped")


def run(arguments: argparse.Namespace) -> int:
    """Searches, then shows the front; 1 when nothing has been fully trained."""
    began = time.monotonic()  # the imports below take seconds, which are part of its time
    from studies.definition.study_file import load_study

    asked = vars(arguments)
    given = {key: asked[option] for option, key in OVERRIDES.items()}
    if arguments.address is not None and arguments.engine is None:
        given["search.engine"] = "ray"
    study = load_study(arguments.study, given)
    with _watcher() as watcher:
        from studies.run.search import search, stored_study
        from studies.storage.pareto_front import load_front  # behind the watcher: these imports take seconds
        from studies.workspace.paths import Workspace

        workspace = Workspace.of_environment()
        if arguments.study is None and (stored := stored_study(workspace, study.name)) is not None:
            study = continued(stored, given)
        search(study, workspace, watcher, began=began)
    front = load_front(workspace, study.name)
    if arguments.json:
        from dashboards.views.console import print_json

        print_json([point.as_dict() for point in front])
    elif front:
        from dashboards.cli.front_command import front_table
        from dashboards.views.console import answers, remarks

        answers().print(front_table(front))
        remarks().print(f"promote one: paretext promote {study.name} [--size-limit SIZE | --trial N]", markup=False)
    if not front:
        print(f"paretext: study '{study.name}' has no fully trained candidate yet", file=sys.stderr)
    return 0 if front else 1


def continued(stored: Study, given: dict[str, Any]) -> Study:
    """A study as it is, with nothing changed but what the command line names."""
    if given["budget.time"] is None and (given["budget.trials"] or given["budget.epochs"]):
        budget = stored.budget.model_copy(update={"time": None})  # whoever says how much to train has the time
        stored = stored.model_copy(update={"budget": budget})
    return stored.with_overrides(given)


def _watcher() -> LiveTable | PlainLines:
    """A live table on a terminal, plain lines elsewhere; both on stderr."""
    from dashboards.views.console import remarks

    console = remarks()
    if console.is_terminal and not console.is_dumb_terminal:
        from dashboards.views.live_table import LiveTable

        return LiveTable(console)
    from dashboards.views.plain_lines import PlainLines

    return PlainLines(sys.stderr)
