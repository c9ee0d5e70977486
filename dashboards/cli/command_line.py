"""The command `paretext` and its subcommands.

Decisions:
- The module of a subcommand uses only argparse to define its options, and imports everything else when it runs, so that
  `--help` is fast.
- A request that cannot be met, a fault of the machine such as a full disk, and a training that fails give one line on stderr
  (`dashboards.cli.error_lines`) and exit code 2; Ctrl-C gives one line and 130, SIGTERM the same line and 143. A traceback is a
  defect.
- `arguments.words` has the words of the command line, so that a subcommand can print how to run the same command again.
- Results go to stdout (a table, or JSON with --json); progress and notes go to stderr.
- A subcommand or an option that does not exist is answered with the nearest one that does (`dashboards.cli.parser`).
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from dashboards.cli.parser import Parser
from dashboards.cli.termination import EXIT_CODE, like_interrupts

VERBS = (
    "search_command",
    "studies_command",
    "front_command",
    "trials_command",
    "report_command",
    "dashboard_command",
    "sync_command",
    "promote_command",
    "rollback_command",
    "export_command",
    "predict_command",
    "test_command",
    "serve_command",
    "models_command",
    "data_commands",
    "train_command",
    "reproduce_command",
    "sensitivity_command",
    "completion_command",
)
"""The modules of the subcommands in `dashboards.cli`, in the order of the help text."""

DESCRIPTION = """\
Searches for the best text-line recogniser that fits into a given size.
  paretext search                               find a front of small recognisers of handwritten digits
  paretext promote digits --size-limit 500KB    take the best that fits
  paretext predict line.png                     read with it"""

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C has ended."""


class _Version(argparse.Action):
    """Prints the version and ends; what finds the version is imported only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from dashboards.cli.version import version

        print(f"paretext {version()}")
        parser.exit()


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=16)


def build_parser() -> Parser:
    """The whole command line."""
    parser = Parser(prog="paretext", description=DESCRIPTION, formatter_class=_formatter)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    parser.set_defaults(run=_what_next)
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB")
    for verb in VERBS:
        importlib.import_module(f"dashboards.cli.{verb}").add_parser(subparsers)
    return parser


def _what_next(_: argparse.Namespace) -> int:
    """What `paretext` alone does."""
    from dashboards.cli.what_next import run

    return run()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: words after `paretext`; None takes those of this process.

    Returns:
        0 done, 1 no result, 2 the request cannot be met, 130 interrupted, 143 ended by SIGTERM.
    """
    for stream in (sys.stdout, sys.stderr):  # a name or a text that the terminal cannot show is no reason to fail
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = build_parser().parse_args([*words[1:], "--help"] if words[:1] == ["help"] else words)
    arguments.words = words
    with like_interrupts() as termination:
        code = _answer(arguments)
    return EXIT_CODE if termination.requested and code == INTERRUPTED else code


def _answer(arguments: argparse.Namespace) -> int:
    """Runs a subcommand; returns its exit code, after one line about what ended it."""
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except KeyboardInterrupt:
        print(f"\nparetext: {getattr(arguments, 'interrupted', 'stopped')}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the output, such as `head`, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        line = _line_of(error)
        if line is None:
            raise
        print(f"paretext: {line}", file=sys.stderr)
        return 2


def _line_of(error: Exception) -> str | None:
    """What to say of an exception; None if it is a defect of the program."""
    try:
        from dashboards.cli.error_lines import line_of
    except OSError as unreadable:  # no file can be opened any more, not even one of the program
        return f"this machine failed: {unreadable.strerror}; allow more open files, such as: ulimit -n 1024"
    return line_of(error)


if __name__ == "__main__":
    sys.exit(main())
