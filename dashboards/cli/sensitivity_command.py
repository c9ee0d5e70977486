"""`paretext sensitivity`: measures how much accuracy is lost when each layer alone is pruned."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.cli import options, train_command

if TYPE_CHECKING:
    from trainers.trial.run import TrialJob

DESCRIPTION = """\
Prunes each layer alone by several fractions of its channels, recalibrates BatchNorm, reads training lines, and reports the
accuracy that is lost. Writes sensitivity-CRITERION.csv and .png into the folder of the training. If 'paretext train' has not
trained the model with the same options, it is trained first. Run the same command again to continue."""

TABLE_KEYS = ("layer", "filter_ratio_pruned", "accuracy_loss")
"""Keys of a row in the JSON output."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "sensitivity", help="measure how much accuracy pruning each layer costs", description=DESCRIPTION
    )
    train_command.add_options(parser)
    parser.add_argument(
        "--criterion", choices=("l1", "l2", "fpgm"), default="l1", help="which channels are removed first (default: l1)"
    )
    parser.add_argument(
        "--read-lines",
        metavar="N",
        type=options.count,
        default=200,
        help="training lines that are read after each cut (default: 200)",
    )
    parser.set_defaults(run=run, interrupted="stopped; run the same command again to continue")


def run(arguments: argparse.Namespace) -> int:
    """Trains the model if necessary, measures the layers and draws the picture."""
    job = train_command.job_of(arguments)
    job = dataclasses.replace(job, architecture=job.architecture.with_(prune_percent=0))
    from dashboards.views.console import print_json, stderr_console, stdout_console
    from dashboards.views.sensitivity_picture import draw

    table_file = job.folder / f"sensitivity-{arguments.criterion}.csv"
    table = _measured(job, arguments.criterion, arguments.read_lines, table_file)
    picture = table_file.with_suffix(".png")
    draw(table, picture, f"{job.architecture.describe()}, criterion {arguments.criterion}", arguments.read_lines)
    stderr_console().print(f"wrote {table_file} and {picture}", markup=False)
    if arguments.json:
        rows = [(layer, *point) for layer, points in table.items() for point in points]
        print_json([dict(zip(TABLE_KEYS, row, strict=True)) for row in rows])
    else:
        stdout_console().print(_shown(table))
    return 0


def _measured(job: TrialJob, criterion: str, read_lines: int, table_file: Path) -> dict[str, list[tuple[float, float]]]:
    """Measures the table of the model, which is trained first if necessary."""
    from rich.progress import Progress

    from dashboards.views.console import stderr_console
    from dashboards.views.training_screen import TrainingScreen
    from trainers.data.open_datasets import prepare_once
    from trainers.trial.layer_sensitivity import sensitivity_of, train_job
    from trainers.trial.run import past_reports

    prepared = prepare_once(job.data, job.cache_folder)
    heading = f"{job.architecture.describe()} on {job.data.training}"
    with TrainingScreen(stderr_console(), heading, past_reports(job, prepared)) as screen:
        trained = train_job(job, prepared, screen.report)
    with Progress(console=stderr_console()) as bar:
        task = bar.add_task("layers", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return sensitivity_of(trained, job, prepared, criterion, read_lines, table_file, show)


def _shown(table: dict[str, list[tuple[float, float]]]) -> Any:
    """The table for a terminal: a row for each layer, a column for each fraction."""
    from rich.table import Table

    from dashboards.views.console import percent

    shown = Table(box=None, pad_edge=False, header_style="bold", title="share of the accuracy lost", title_justify="left")
    shown.add_column("layer")
    for ratio, _ in next(iter(table.values()), []):
        shown.add_column(f"-{ratio:.0%}", justify="right", no_wrap=True)
    for layer, points in table.items():
        shown.add_row(layer, *(percent(loss) for _, loss in points))
    return shown
