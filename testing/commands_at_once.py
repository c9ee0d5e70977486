"""Runs commands of the command line in as many processes at the same time; what takes them seconds to import is imported once.

echo '[["promote", "plates"], ["promote", "plates", "--force"]]' | python -m testing.commands_at_once
"""

from __future__ import annotations

import io
import json
import multiprocessing
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout

from testing.command_runs import Run

PRELOADED = ["testing.command_runs", "torch", "mlflow", "onnxruntime", "dashboards.cli.promote_command", "studies.api"]
"""Modules that the processes have from the one that they are forked from."""


def commands_at_once(commands: Sequence[Sequence[str]], environment: Mapping[str, str], timeout_s: float = 900) -> list[Run]:
    """Runs each of these commands in a process of its own, all at the same time.

    Args:
        commands: of each the words that follow `paretext`.
        environment: environment variables of the processes.
        timeout_s: seconds that all of them may take.

    Returns:
        What each of them printed, and how it ended, in the order of the commands.
    """
    ended = subprocess.run(
        [sys.executable, "-m", "testing.commands_at_once"],
        input=json.dumps(commands), capture_output=True, text=True, env=dict(environment), timeout=timeout_s,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return [Run(*answer) for answer in json.loads(ended.stdout)]


def _run(words: list[str]) -> tuple[int, str, str]:
    from dashboards.cli.command_line import main

    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main(words)
    return code, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with context.Pool(len(asked), maxtasksperchild=1) as pool:
        print(json.dumps(pool.map(_run, asked, chunksize=1)))
