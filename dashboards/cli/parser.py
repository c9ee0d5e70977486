"""The parser of the command line: one line for a wrong command, with the nearest subcommand or option.

Decisions:
- argparse reports options that it does not know last, after missing arguments, and in the name of the whole program. Here each
  parser looks for them first, so that `promote --size-limt 500KB plates` is answered by the misspelled option.
- `difflib`, which finds the nearest name, is imported only for a wrong command, so that `--help` is fast.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """A parser that answers a wrong command with one line."""

    def error(self, message: str) -> NoReturn:
        from trainers.base.printable import printable

        self.exit(2, f"{self.prog}: {printable(message)} (see '{self.prog} --help')\n")

    def complete_later(self, add_options: Callable[[argparse.ArgumentParser], None]) -> None:
        """Adds options only when this subcommand is used, because defining them imports slow modules."""
        self._add_options = add_options

    def complete_now(self) -> None:
        """Adds the options of `complete_later`, once."""
        if (add_options := self.__dict__.pop("_add_options", None)) is not None:
            add_options(self)

    @property
    def subparsers(self) -> dict[str, Parser]:
        """The subcommands by name; empty if there are none."""
        return {name: parser for action in self._actions if _has_parsers(action) for name, parser in action.choices.items()}  # type: ignore[union-attr]

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Completes the options and parses; what is left over is an error of this parser."""
        self.complete_now()
        words = _words(args)
        self._check_options(words)
        found, extras = super().parse_known_args(words, namespace)
        if extras:
            self.error(f"unrecognized arguments: {' '.join(extras)}")
        return found, extras

    def _check_options(self, words: list[str]) -> None:
        """Ends with an error if a word begins with `--` and is no option, and no beginning of one."""
        known = [option for option in self._option_string_actions if option.startswith("--")]
        for word in words:
            if word == "--" or (self.subparsers and not word.startswith("-")):
                return  # what follows are no options, or options of a subcommand
            name = word.partition("=")[0]
            if name.startswith("--") and " " not in word and not any(option.startswith(name) for option in known):
                self.error(f"there is no option {name}{_nearest(name, known)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Checks a value against the choices of an action."""
        if action.choices is None or value in action.choices:
            return
        names = [str(choice) for choice in action.choices]
        instead = _nearest(str(value), names) or f"; there are {', '.join(names)}"
        if _has_parsers(action):
            self.error(f"there is no command '{value}'{instead}")
        raise argparse.ArgumentError(action, f"there is no '{value}'{instead}")


def _words(args: Iterable[str] | None) -> list[str]:
    import sys

    return sys.argv[1:] if args is None else list(args)


def _has_parsers(action: argparse.Action) -> bool:
    """Whether an action chooses a subcommand."""
    return isinstance(action, argparse._SubParsersAction)


def _nearest(name: str, known: list[str]) -> str:
    from search_space.catalog import nearest

    return nearest(name, known)
