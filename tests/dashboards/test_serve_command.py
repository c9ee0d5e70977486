"""The curl command that `serve` prints works as it is, and what is no image gets one line."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from testing.signals import restore_sigint
from trainers.inference.reader import Reader


@pytest.fixture(scope="module")
def server(workspace: Workspace) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of a file, and the command that it has printed."""
    model = workspace.models / "plates" / "0.onnx"
    words = [sys.executable, "-m", "dashboards.cli.command_line", "serve", str(model), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PARETEXT_HOME": str(workspace.folder)}
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=restore_sigint
    )
    assert process.stdout is not None
    first, curl = process.stdout.readline(), process.stdout.readline()
    assert str(model) in first and curl.startswith("  curl "), (first, curl)
    yield process, curl.strip()
    process.kill()
    process.wait()


def ask(command: str) -> tuple[int, dict[str, object]]:
    """Runs a curl command; returns the status and the answer."""
    answer = subprocess.run(
        ["bash", "-c", f"{command} -sS -w '\\n%{{http_code}}' --retry 20 --retry-connrefused --retry-delay 1"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    body, status = answer.stdout.rsplit("\n", 1)
    return int(status), json.loads(body)


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@needs_curl
def test_the_printed_command_reads_the_example(server: tuple[subprocess.Popen[str], str], workspace: Workspace) -> None:
    _, curl = server
    match = re.search(r"@(\S+)", curl)
    assert match is not None
    (expected,) = Reader(workspace.models / "plates" / "0.onnx").read([Image.open(match[1])])
    status, answer = ask(curl)
    assert status == 200 and answer["text"] == expected.text
    assert answer["confidence"] == pytest.approx(expected.confidence, abs=1e-6)


@needs_curl
def test_what_is_no_image_is_answered_with_one_line(server: tuple[subprocess.Popen[str], str], tmp_path: Path) -> None:
    _, curl = server
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "large.png").write_bytes(bytes(33 << 20))
    bad = re.sub(r"@\S+", f"@{tmp_path / 'text.png'}", curl)
    form = curl.replace("--data-binary @", "-F file=@")
    for refused, expected in ((bad, 400), (form, 400), (curl.replace("/read", "/"), 404), (f"{curl} -X PUT", 405)):
        status, answer = ask(refused)
        assert status == expected and "curl --data-binary @FILE" in str(answer["error"])
    status, answer = ask(bad.replace("text.png", "large.png"))
    assert status == 413 and "larger than 32 MiB" in str(answer["error"])


def test_ctrl_c_ends_it_with_one_line(server: tuple[subprocess.Popen[str], str]) -> None:
    process, _ = server
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors.strip() == "paretext: the server has stopped"


def test_a_port_that_is_taken_is_one_line(paretext: Commands, workspace: Workspace) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = paretext("serve", workspace.models / "plates" / "0.onnx", "--port", taken.getsockname()[1])
    assert answer.code == 2 and "--port" in answer.err and len(answer.err.splitlines()) == 1
