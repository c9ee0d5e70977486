"""The pages of optuna-dashboard in a real browser, on a study with a trial of every fate."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studies.storage.outcomes import Measured
from studies.storage.pareto_front import load_front, load_store
from studies.workspace.paths import Workspace
from testing.dashboard_process import running_dashboard

pytestmark = pytest.mark.slow

PATIENCE_MS = 120_000
"""How long a page may take on a busy machine."""


@pytest.fixture(scope="module")
def home(shown: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("pages") / "runs"
    shutil.copytree(shown.folder, folder)
    return Workspace(folder)


@pytest.fixture(scope="module")
def address(home: Workspace) -> Iterator[str]:
    """The page of the study that `paretext dashboard` serves to every machine; SIGTERM ends it with a line and exit code 0."""
    warnings = ["there is no password"]
    with running_dashboard(home.folder, "shown", "--host", "0.0.0.0", end=signal.SIGTERM, warnings=warnings) as address:
        yield address


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Any]:
    """A page of a browser 1400 pixels wide; nothing is written to its console as an error."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("needs Chromium on PATH (Debian's package chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (pip install 'paretext[test]')")
    errors: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport={"width": 1400, "height": 1800})
        opened.set_default_timeout(PATIENCE_MS)
        opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: errors.append(str(error)))
        yield opened
        browser.close()
    assert errors == []


def width(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


def test_the_study_page_draws_the_front_twice(page: Any, address: str, home: Workspace) -> None:
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector("#graph-pareto-front path.point", state="attached")
    page.wait_for_selector("text=accuracy against size")
    assert page.locator("text=limit 1.20MB").count() == 1
    assert width(page) <= 1400


def test_the_note_of_the_study_lists_the_front(page: Any, address: str, home: Workspace) -> None:
    page.goto(f"{address}/note", wait_until="domcontentloaded")
    page.wait_for_selector("table")
    trials = [int(text) for text in page.locator("table a").all_text_contents()]
    assert trials == [point.trial for point in load_front(home, "shown")]
    assert width(page) <= 1400


def test_the_page_of_a_trial_has_its_note_and_its_pictures(page: Any, address: str, home: Workspace) -> None:
    trial = next(t for t in load_store(home, "shown").stored_trials() if isinstance(t.outcome, Measured))
    page.goto(f"{address}/trials?numbers={trial.number}", wait_until="domcontentloaded")
    page.wait_for_selector(f"text=paretext promote shown --trial {trial.number}")
    page.wait_for_function(
        "[...document.querySelectorAll('img')].filter(image => image.complete && image.naturalWidth > 900).length === 2"
    )
    assert width(page) <= 1400
    if (folder := os.environ.get("PARETEXT_SCREENSHOTS")) is not None:
        page.screenshot(path=str(Path(folder) / "dashboard.png"))


def test_the_table_for_a_selection_is_no_wider_than_the_page(page: Any, address: str) -> None:
    page.goto(f"{address}/smartSelection", wait_until="domcontentloaded")
    page.wait_for_selector("table tbody tr")
    assert width(page) <= 1400
    if (folder := os.environ.get("PARETEXT_SCREENSHOTS")) is not None:
        page.screenshot(path=str(Path(folder) / "selection.png"))
    assert max(row.bounding_box()["height"] for row in page.locator("table tbody tr").all()) < 200
