"""`paretext front`: the Pareto front of a study, as a table, a list or a picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from studies.storage.pareto_front import FrontPoint


def add_parser(subparsers: Any) -> None:
    """Adds the verb."""
    parser = subparsers.add_parser("front", help="show the Pareto front of a study", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="a study")
    parser.add_argument("--json", action="store_true", help="print a list of points for a script")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="draw what is traded off into a PNG, SVG or PDF")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Shows the front."""
    from dashboards.views.console import print_json, stderr_console, stdout_console
    from studies.storage.pareto_front import load_front, load_points, load_store
    from studies.workspace.paths import Workspace

    workspace = Workspace.of_environment()
    points, front = load_points(workspace, arguments.name), load_front(workspace, arguments.name)
    if arguments.plot is not None:
        from dashboards.views.front_plot import draw

        draw(points, front, arguments.name, arguments.plot, load_store(workspace, arguments.name).objectives)
        stderr_console().print(f"drew {len(points)} candidates, {len(front)} of them on the front, into {arguments.plot}")
    if arguments.json:
        print_json([point.as_dict() for point in front])
    elif front:
        stdout_console().print(front_table(front))
    else:
        stderr_console().print(f"study '{arguments.name}' has no fully trained candidate yet")
    return 0


def front_table(front: list[FrontPoint]) -> Table:
    """The front for a person, smallest first."""
    from rich.table import Table

    from dashboards.views.console import percent
    from search_space import Architecture, write_size

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("trial", justify="right")
    table.add_column("architecture")
    for name in ("accuracy", "CER", "size", "latency", "parameters"):
        table.add_column(name, justify="right", no_wrap=True)
    for point in front:
        table.add_row(
            str(point.trial),
            Architecture.from_dict(point.architecture).describe(),
            percent(point.accuracy),
            percent(point.cer),
            write_size(point.size_bytes),
            f"{point.latency_ms:.2f} ms",
            f"{point.parameters:,}",
        )
    return table
