"""`paretext front`: the Pareto front of a study, as a table, a list or a picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.storage.front_point import FrontPoint

DESCRIPTION = "Shows the Pareto front of a study, smallest file first, as a table or as JSON, and draws it."


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("front", help="show the Pareto front of a study", description=DESCRIPTION)
    parser.add_argument("name", metavar="NAME", help="name of a study")
    parser.add_argument("--json", action="store_true", help="print the points as JSON")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="draw the front into a PNG, SVG or PDF")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints or draws the front."""
    from dashboards.views.console import print_json, stderr_console, stdout_console
    from studies.storage.pareto_front import load_store, pareto_front, stored_points, with_equals
    from studies.workspace.paths import Workspace

    workspace = Workspace.of_environment()
    store = load_store(workspace, arguments.name)
    points = stored_points(store, workspace)
    front = with_equals(pareto_front(points, store.objectives))
    if arguments.plot is not None:
        from dashboards.views.front_plot import draw

        study, others = store.study, store.stored_trials()
        draw(points, front, arguments.name, arguments.plot, study.objectives, study.limits.by_cost, others)
        stderr_console().print(f"drew {len(points)} candidates, {len(front)} of them on the front, into {arguments.plot}")
    if arguments.json:
        print_json([point.as_dict() for point in front])
    elif front:
        from dashboards.views.front_table import front_table

        console = stdout_console()
        console.print(front_table(front, console.width))
    else:
        stderr_console().print(_no_front(points, arguments.name), markup=False, soft_wrap=True)
    return 0


def _no_front(points: list[FrontPoint], name: str) -> str:
    """Why there is no front, one line."""
    if not points:
        return f"study '{name}' has no trained candidate yet"
    best = min(points, key=lambda point: point.cer)
    wrong = f"the best of {len(points)}, trial {best.trial}, has {best.cer:.1%} of characters wrong"
    return f"nothing reads yet in study '{name}': {wrong}"
