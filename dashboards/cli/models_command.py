"""`paretext models`: lists the known models, or shows the history of a registered one.

Without a name it lists the published models and modern baselines, with their parameters, FLOPs and file sizes, and the
registered models after them. With the name of a registered model it shows its versions, and which of them was the champion from
when on.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dashboards.cli import options

if TYPE_CHECKING:
    from trainers.export.model_figures import ModelFigures

PUBLISHED_SYMBOLS = 3_938
"""Characters in the charset of the published models; with the blank, 3,939 classes."""
CONVENTIONS = """\
parameters: learnt numbers plus BatchNorm's means and variances. MFLOPs: millions of multiply-adds for one image of 3x32x320,
enlarged in proportion for taller models. Both are before pruning. Bytes: of the exported file, by how it stores weights; of
pruned models (-90%...) what is expected to be left after pruning."""

DESCRIPTION = """\
With the name of a registered model: its versions and the history of its champion. Without: the models that a study can start
from by name, published ones and modern baselines, then the registered models. """ + " ".join(CONVENTIONS.split())


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser("models", help="list the known models, or the versions of one", description=DESCRIPTION)
    parser.add_argument("model", metavar="MODEL", nargs="?", help="a registered model whose history to show")
    parser.add_argument(
        "--symbols",
        metavar="N",
        type=options.count,
        default=PUBLISHED_SYMBOLS,
        help=f"characters in the charset (default: {PUBLISHED_SYMBOLS:,}, which makes {PUBLISHED_SYMBOLS + 1:,} classes)",
    )
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the list."""
    from dashboards.views.console import print_json, stdout_console
    from dashboards.views.model_history import champion_lines, history_lines
    from search_space import zoo
    from studies.workspace.paths import Workspace
    from trainers.export.model_figures import figures_of

    if arguments.model is not None:
        from studies.api import history

        found = history(arguments.model)
        if arguments.json:
            print_json(found.as_dict())
        else:
            print("\n".join(history_lines(found)))
        return 0
    figures = [figures_of(name, zoo.architecture(name), arguments.symbols) for name in zoo.names()]
    if arguments.json:
        print_json([asdict(figure) for figure in figures])
    else:
        stdout_console().print(_table(figures))
        stdout_console().print(CONVENTIONS, style="dim")
        print("".join(f"\n{line}" for line in champion_lines(Workspace.of_environment())), end="")
    return 0


def _table(figures: list[ModelFigures]) -> Any:
    from rich.table import Table

    from search_space import Architecture, write_size

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True)
    table.add_column("architecture")
    for column in ("parameters", "MFLOPs", "backbone", "fp32", "fp16", "int8"):
        table.add_column(column, justify="right", no_wrap=True)
    for f in figures:
        sizes = (write_size(size) for size in (f.bytes_fp32, f.bytes_fp16, f.bytes_int8))
        computed = (f"{f.flops / 1e6:.0f}", f"{f.backbone_flops / 1e6:.0f}")
        words = Architecture.from_dict(f.architecture).describe()
        table.add_row(f.name, words, f"{f.parameters:,}", *computed, *sizes)
    return table
