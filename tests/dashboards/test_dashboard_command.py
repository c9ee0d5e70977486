"""The dashboard serves the study on this machine only; a real browser draws its Pareto plot."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
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
