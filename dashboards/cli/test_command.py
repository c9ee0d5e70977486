"""`paretext test`: how well a model reads labelled lines, and what it confuses."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.cli import options
from studies.registry.model_lookup import FORMS

if TYPE_CHECKING:
    from trainers.evaluation.file_test import FileTest

DESCRIPTION = """\
Reads labelled lines with a model, and reports accuracy with its 95 % confidence interval, character error rate,
characters that are confused, and the lines that were misread, the worst first."""

SHOWN_MISTAKES = 20
"""Mistakes that are printed by default."""
SHEET_MISTAKES = 60
"""Most mistakes on a contact sheet: three columns of twenty."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "test", help="measure a model on labelled lines, and show its errors", description=DESCRIPTION
    )
    parser.add_argument("model", metavar="MODEL", nargs="?", help=f"{FORMS} (default: the newest champion)")
    parser.add_argument("--data", metavar="SOURCE", required=True, help="labelled lines, such as digits:test or a folder")
    parser.add_argument(
        "--errors",
        metavar="N",
        type=options.whole_number(0),
        default=SHOWN_MISTAKES,
        help=f"errors to print (default: {SHOWN_MISTAKES}); --json has all",
    )
    sheet_help = f"draw the worst errors, up to {SHEET_MISTAKES}, on a contact sheet"
    parser.add_argument("--sheet", metavar="FILE", type=Path, help=sheet_help)
    parser.add_argument("--seed", metavar="N", type=options.seed, default=0, help="seed of generated lines (default: 0)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Tests the model and prints the report."""
    from dashboards.cli.data_commands import save_image
    from dashboards.views.accuracy_report import mistake_sheet, report_as_dict, report_lines
    from dashboards.views.console import print_json, stderr_console
    from dashboards.views.counted_progress import CountedProgress
    from studies.registry.learnt_lines import learnt_sources
    from studies.registry.model_lookup import find_model
    from studies.workspace.paths import Workspace
    from trainers.evaluation.file_test import test_file

    workspace = Workspace.of_environment()
    model = find_model(arguments.model, workspace)
    if learnt := learnt_sources(model, arguments.data, arguments.seed, workspace):
        line = f"the model was trained on lines of {' and '.join(learnt)}; on lines that it has never seen it reads fewer"
        print(f"paretext: {line}", file=sys.stderr)
    with CountedProgress("reading lines") as progress:
        report = test_file(model.file, arguments.data, workspace.prepare().cache, arguments.seed, progress.show)
    if arguments.sheet is not None:
        save_image(mistake_sheet(report, _heading(model.title, arguments.data), SHEET_MISTAKES), arguments.sheet)
        stderr_console().print(f"contact sheet: {arguments.sheet}", markup=False, soft_wrap=True)
    if arguments.json:
        print_json({"model": model.title, "file": str(model.file), "data": arguments.data} | report_as_dict(report))
    else:
        _print(report, _heading(model.title, arguments.data), report_lines(report, arguments.errors))
    return 0


def _heading(model: str, data: str) -> str:
    return f"{model} on {data}"


def _print(report: FileTest, heading: str, lines: Any) -> None:
    print(heading)
    for line in lines:
        print(line)
