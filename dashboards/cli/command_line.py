"""`paretext`: one verb for each thing a person or a script asks for.

Decisions:
- A verb's file builds its options with argparse alone and imports what it works with when it runs, so `--help` is instant.
- A request that cannot be met is one line on stderr and exit code 2; Ctrl-C is one line and 130. A traceback means a defect.
- What was asked for goes to stdout (a table, or JSON with --json); progress and remarks go to stderr.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import NoReturn

VERBS = ("search", "front", "dashboard", "promote", "predict", "models", "data", "train", "sensitivity")
"""In the order of the help text; the file of a verb is `dashboards/cli/VERB_command.py` (or `VERB_commands.py`)."""

DESCRIPTION = """\
Searches for the best text-line recogniser that fits into a given size.
  paretext search                               find a front of small recognisers of handwritten digits
  paretext promote digits --size-limit 500KB    take the best that fits
  paretext predict line.png                     read with it"""


class Parser(argparse.ArgumentParser):
    """Answers a wrong command with one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see '{self.prog} --help')\n")


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=16)


def build_parser() -> Parser:
    """The whole command line."""
    parser = Parser(prog="paretext", description=DESCRIPTION, formatter_class=_formatter)
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        for module in (f"dashboards.cli.{verb}_command", f"dashboards.cli.{verb}_commands"):
            if find_spec(module) is not None:
                importlib.import_module(module).add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: words after `paretext`; None takes those of this process.

    Returns:
        0 done, 1 nothing came of it, 2 the request cannot be met, 130 interrupted.
    """
    arguments = build_parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except KeyboardInterrupt:
        print(f"\nparetext: {getattr(arguments, 'interrupted', 'stopped')}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if not _is_users(error):
            raise
        print(f"paretext: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _is_users(error: Exception) -> bool:
    """Whether an error is about the request and not about the program."""
    from search_space.architecture import RefusedArchitecture
    from search_space.catalog import UnknownComponent
    from trainers.base.errors import UserError

    return isinstance(error, UserError | RefusedArchitecture | UnknownComponent)


if __name__ == "__main__":
    sys.exit(main())
