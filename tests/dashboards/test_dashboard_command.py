"""The dashboard serves the study on this machine only; a real browser draws its Pareto plot."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from urllib.request import urlopen

import pytest

from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from testing.dashboard_process import running_dashboard
from tests.dashboards.conftest import ACCURACIES

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=20000",
]


@pytest.fixture
def page(workspace: Workspace) -> Iterator[str]:
    """The address that `paretext dashboard plates` prints; Ctrl-C ends it."""
    with running_dashboard(workspace.folder, "plates") as address:
        yield address


def test_it_serves_the_study_on_this_machine_only(page: str) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/dashboard/studies/\d+", page)
    with urlopen(page.replace("/dashboard/", "/api/") + "?after=0", timeout=30) as answer:
        study = json.load(answer)
    assert study["name"] == "plates"
    assert study["directions"] == ["maximize", "minimize"]
    assert [trial["state"] for trial in study["trials"]] == ["Complete"] * 4 + ["Pruned"]
    assert sorted(trial["number"] for trial in study["best_trials"]) == [0, 1, 3]


@pytest.mark.slow
def test_the_pareto_plot_is_there_in_a_real_browser(page: str) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium on PATH (Debian's package chromium)")
    for _ in range(5):  # Chromium's clock runs ahead of a busy machine: it may look before the page has its data
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            command = [chromium, *CHROMIUM_FLAGS, f"--user-data-dir={profile}", "--dump-dom", page]
            document = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
        plot = document.partition('id="graph-pareto-front"')[2].partition('id="plot-history"')[0]
        points = len(re.findall(r'<path class="point"', plot))
        if points:
            break
    assert "Pareto Front" in document
    assert "js-plotly-plot" in document
    assert points == len(ACCURACIES)


def test_a_port_in_use_is_one_line(paretext: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = paretext("dashboard", "--port", taken.getsockname()[1])
    assert answer.code == 2
    assert "give another with --port" in answer.err
    assert len(answer.err.strip().splitlines()) == 1


def test_without_a_study_there_is_nothing_to_show(paretext: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "fresh"))
    answer = paretext("dashboard")
    assert answer.code == 2
    assert "paretext search" in answer.err
    assert not (tmp_path / "fresh").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::1", "10.0.0.1"])
def test_another_address_is_refused_for_the_pages_of_mlflow(paretext: Commands, host: str) -> None:
    answer = paretext("dashboard", "--mlflow", "--host", host)
    assert answer.code == 2 and len(answer.err.splitlines()) == 1
    assert "--host does not go with --mlflow" in answer.err and "ssh -L PORT:127.0.0.1:PORT HOST" in answer.err


@pytest.mark.parametrize("words", [(), ("--open",)])
def test_the_pages_of_mlflow_are_opened_in_the_browser_if_asked(
    paretext: Commands, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    opened: list[str] = []

    def ctrl_c() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("studies.registry.mlflow_page.page_of", lambda workspace, name: "#/experiments/1")
    monkeypatch.setattr("dashboards.views.mlflow_pages.mlflow_server", lambda workspace, port: nullcontext("http://x:1/"))
    monkeypatch.setattr("signal.pause", ctrl_c)
    answer = paretext("dashboard", "--mlflow", *words)
    assert answer.out == "http://x:1/#/experiments/1 (Ctrl-C ends it)\n"
    assert opened == ["http://x:1/#/experiments/1"] * len(words)


def test_the_browser_is_not_given_the_password_of_a_tracking_server(
    paretext: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("studies.registry.mlflow_page.page_of", lambda workspace, name: "#/experiments/1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@mlflow.example/")
    assert paretext("dashboard", "--mlflow", "--open").code == 0
    assert opened == ["https://mlflow.example/#/experiments/1"]
