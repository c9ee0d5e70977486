"""Runs commands of the command line in this process, for tests of what they print and how they end."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from dashboards.cli.command_line import main


@dataclass(frozen=True)
class Run:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


class Commands:
    """The command line, called with the words that follow `paretext`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: object) -> Run:
        """Runs a command; an exception that it lets through fails the test."""
        self._capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:  # how argparse ends
            code = int(end.code or 0)
        printed = self._capsys.readouterr()
        return Run(code, printed.out, printed.err)

    def refused(self, *words: object) -> str:
        """The one line with which a command is refused."""
        run = self(*words)
        assert (run.code, run.out, run.err.count("\n")) == (2, "", 1), run
        assert run.err.startswith("paretext") and run.err[:-1].isprintable() and len(run.err) < 2100, run.err
        return run.err

    def read(self, *words: object) -> str:
        """What a command that succeeds prints to stdout."""
        run = self(*words)
        assert run.code == 0, run.err
        return run.out
