"""The command `paretext` and its subcommands.

Decisions:
- The module of a subcommand uses only argparse to define its options, and imports everything else when it runs, so that
  `--help` is fast.
- A request that cannot be met, a fault of the machine such as a full disk, and a training that fails give one line on stderr
  and exit code 2; Ctrl-C gives one line and 130. A traceback is a defect.
- `arguments.words` has the words of the command line, so that a subcommand can print how to run the same command again.
- Results go to stdout (a table, or JSON with --json); progress and notes go to stderr.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

VERBS = (
    "search_command",
    "front_command",
    "dashboard_command",
    "promote_command",
    "predict_command",
    "models_command",
    "data_commands",
    "train_command",
    "sensitivity_command",
)
"""The modules of the subcommands in `dashboards.cli`, in the order of the help text."""

DESCRIPTION = """\
Searches for the best text-line recogniser that fits into a given size.
  paretext search                               find a front of small recognisers of handwritten digits
  paretext promote digits --size-limit 500KB    take the best that fits
  paretext predict line.png                     read with it"""


class Parser(argparse.ArgumentParser):
    """A parser that answers a wrong command with one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see '{self.prog} --help')\n")

    def complete_later(self, add_options: Callable[[argparse.ArgumentParser], None]) -> None:
        """Adds options only when this subcommand is used, because defining them imports slow modules."""
        self._add_options = add_options

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Adds the options of `complete_later`, then parses."""
        if (add_options := self.__dict__.pop("_add_options", None)) is not None:
            add_options(self)
        return super().parse_known_args(args, namespace)


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=16)


def build_parser() -> Parser:
    """The whole command line."""
    parser = Parser(prog="paretext", description=DESCRIPTION, formatter_class=_formatter)
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        importlib.import_module(f"dashboards.cli.{verb}").add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: words after `paretext`; None takes those of this process.

    Returns:
        0 done, 1 no result, 2 the request cannot be met, 130 interrupted.
    """
    arguments = build_parser().parse_args(argv)
    arguments.words = sys.argv[1:] if argv is None else list(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except KeyboardInterrupt:
        print(f"\nparetext: {getattr(arguments, 'interrupted', 'stopped')}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of the output, such as `head`, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        line = _line_of(error)
        if line is None:
            raise
        print(f"paretext: {' '.join(line.split())}", file=sys.stderr)
        return 2


def _line_of(error: Exception) -> str | None:
    """What to say of an error of the request, of the machine or of a training; None if it is a defect of the program."""
    from search_space.architecture import RefusedArchitecture
    from search_space.catalog import UnknownComponent
    from trainers.base.errors import TrainingFault, UserError, one_line

    if isinstance(error, UserError | RefusedArchitecture | UnknownComponent):
        return str(error)
    if isinstance(error, TrainingFault):
        return f"the training failed ({error.kind}): {error.reason}"
    if isinstance(error, OSError):  # a full disk, a missing right, a mount that is gone
        return f"this machine failed: {one_line(error)}"
    return None


if __name__ == "__main__":
    sys.exit(main())
