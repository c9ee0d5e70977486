"""`paretext dashboard` as a process of its own, as a user starts and ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from testing.signals import restore_sigint

END_S = 60
"""Seconds that it may take to end."""


@contextmanager
def running_dashboard(
    home: Path, *words: str, end: signal.Signals = signal.SIGINT, warnings: Sequence[str] = ()
) -> Iterator[str]:
    """Runs `paretext dashboard WORDS` on a free port while the block runs; checks what it prints and how it ends.

    Args:
        home: the workspace folder.
        words: name of a study, and options.
        end: the signal that ends it, SIGINT (Ctrl-C) or SIGTERM.
        warnings: what each line on stderr before its last must contain.

    Yields:
        The address that it prints.
    """
    command = [sys.executable, "-m", "dashboards.cli.command_line", "dashboard", *words, "--port", "0"]
    environment = {**os.environ, "PARETEXT_HOME": str(home)}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=restore_sigint
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield line.split()[0]
    finally:
        process.send_signal(end)
        _, said = process.communicate(timeout=END_S)
    *before, last = said.strip().splitlines()
    assert last == "paretext: the dashboard has stopped", said
    assert len(before) == len(warnings) and all(part in line for part, line in zip(warnings, before, strict=True)), said
    expected = 130 if end == signal.SIGINT else 143 if "--mlflow" in words else 0
    assert process.returncode == expected, said
