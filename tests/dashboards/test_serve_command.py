"""The curl command that `serve` prints works as it is, and what is no image gets one line."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from PIL import Image

from dashboards.views.addresses import url_of
from dashboards.views.board_server import open_server
from dashboards.views.model_server import open_socket
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


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
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
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = paretext("serve", workspace.models / "plates" / "0.onnx", "--port", taken.getsockname()[1])
    assert answer.code == 2 and "--port" in answer.err and len(answer.err.splitlines()) == 1


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "2001:db8::1"])
@pytest.mark.parametrize("command", ["serve", "dashboard"])
def test_an_address_of_no_network_of_this_machine_is_not_blamed_on_the_port(
    paretext: Commands, workspace: Workspace, command: str, host: str
) -> None:
    words = [workspace.models / "plates" / "0.onnx"] if command == "serve" else []
    answer = paretext(command, *words, "--host", host, "--port", 0)
    assert answer.code == 2 and len(answer.err.splitlines()) == 1
    assert answer.err.startswith(f"paretext: {host} port 0 cannot be opened (")
    assert "give an address of this machine with --host" in answer.err and "--port" not in answer.err


def test_addresses_are_printed_as_this_machine_reaches_them() -> None:
    assert [url_of(host, 80) for host in ("127.0.0.1", "localhost", "0.0.0.0", "")] == [
        *("http://127.0.0.1:80", "http://localhost:80", "http://127.0.0.1:80", "http://127.0.0.1:80")
    ]
    assert [url_of(host, 80) for host in ("::1", "::", "2001:db8::1")] == [
        *("http://[::1]:80", "http://[::1]:80", "http://[2001:db8::1]:80")
    ]


@needs_ipv6
@pytest.mark.parametrize("host", ["::1", "::"])
def test_a_model_is_served_on_an_address_of_ipv6(host: str) -> None:
    with open_socket(host, 0) as listening:
        port = listening.getsockname()[1]
        socket.create_connection(("::1", port)).close()
        if host == "::":
            socket.create_connection(("127.0.0.1", port)).close()


@needs_ipv6
def test_the_dashboard_is_served_on_an_address_of_ipv6(workspace: Workspace) -> None:
    with open_server(workspace, 0, "::1") as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            with urlopen(f"{url_of('::1', server.server_port)}/api/studies", timeout=30) as answer:
                assert b"plates" in answer.read()
        finally:
            server.shutdown()
            serving.join()
