"""`paretext completion`: prints a script that completes commands, options and files in a shell.

The script is made by shtab from the parser, once: while one types, the shell runs nothing of Paretext.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dashboards.cli.parser import Parser

SHELLS = ("bash", "zsh", "fish", "tcsh")
"""Shells that shtab knows and that this was tried with; it knows PowerShell, too."""
FILES = ("SOURCE", "FILE", "IMAGE", "OLD_LINES", "WEIGHTS", "ARCHITECTURE")
"""What may be a file where an argument is not of the type `Path`."""
DESCRIPTION = """\
Prints a script that completes the commands, options and files of paretext.
  bash:  paretext completion bash > ~/.local/share/bash-completion/completions/paretext
  zsh:   paretext completion zsh > ~/.zfunc/_paretext    (with fpath+=~/.zfunc before compinit in ~/.zshrc)
  fish:  paretext completion fish > ~/.config/fish/completions/paretext.fish
  tcsh:  paretext completion tcsh > ~/.paretext.tcsh     (and source it in ~/.tcshrc)"""


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "completion",
        help="print a script that completes commands in a shell",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", metavar="SHELL", type=_shell, choices=SHELLS, help=", ".join(SHELLS))
    parser.set_defaults(run=run)


def _shell(text: str) -> str:
    """Checks the name of a shell; to guess another shell than the user's helps nobody."""
    if text not in SHELLS:
        raise argparse.ArgumentTypeError(f"there is no script for '{text}'; there are scripts for {', '.join(SHELLS)}")
    return text


def run(arguments: argparse.Namespace) -> int:
    """Prints the script."""
    import shtab

    from dashboards.cli.command_line import build_parser

    parser = build_parser()
    for each in _with_subcommands(parser):
        each.complete_now()
        each.description = None  # where a shell shows what a command does, its help line has room and a paragraph has not
        for action in each._actions:
            if action.type is Path or action.metavar in FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, arguments.shell))
    return 0


def _with_subcommands(parser: Parser) -> Iterator[Parser]:
    """A parser, and all below it."""
    yield parser
    for below in parser.subparsers.values():
        yield from _with_subcommands(below)
