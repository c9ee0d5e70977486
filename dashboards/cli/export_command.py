"""`paretext export`: writes the ONNX file of a model, and a short program that reads with it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dashboards.cli import options
from studies.registry.model_lookup import FORMS

DESCRIPTION = """\
Writes the ONNX file of a registered model, or of a trial of a study:
  paretext export NAME FILE.onnx --trial N

The file has all that a program needs in its metadata. --example writes such a
program beside it, in Python."""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "export",
        help="write the ONNX file of a model",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help=f"{FORMS}; with --trial, the name of a study")
    parser.add_argument("file", metavar="FILE", type=Path, help="the file to write, which ends with .onnx")
    parser.add_argument("--trial", metavar="N", type=options.trial_number, help="the file of this trial of a study")
    plain_help = "write ordinary fp32 weights, or fp16, for runtimes that do not compute constants when they open a file"
    parser.add_argument("--plain", nargs="?", const="fp32", choices=("fp32", "fp16"), help=plain_help)
    example_help = "write FILE_example.py beside it, some 25 lines that need onnxruntime, numpy and Pillow"
    parser.add_argument("--example", action="store_true", help=example_help)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Writes the files and says which."""
    from search_space import write_size
    from studies.registry.exported_copy import export_model
    from studies.workspace.paths import Workspace

    title, program = export_model(
        arguments.model, arguments.file, Workspace.of_environment(), arguments.trial, arguments.example, arguments.plain
    )
    print(f"{arguments.file}: {title}, {write_size(arguments.file.stat().st_size)}")
    if program is not None:
        print(f"{program}: python {program} IMAGE")
    return 0
