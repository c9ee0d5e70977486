"""MLflow's own pages in a real browser, as `paretext dashboard --mlflow` opens them, on a study with a trial of every fate."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dashboards.views.front_plot import draw
from studies import promote
from studies.registry.mlflow_client import open_mlflow
from studies.registry.run_records import KIND_TAG, STATE_TAG
from studies.run.sync import sync
from studies.storage.pareto_front import load_front
from studies.workspace.paths import Workspace
from testing.dashboard_process import running_dashboard

pytestmark = pytest.mark.slow

PATIENCE_MS = 180_000
"""How long a page may take on a busy machine."""
WIDTH_PX = 1400
"""Of the browser's window. MLflow's own pages have no layout for phones."""
OF_MLFLOW = ("ResizeObserver loop", "Failed to load resource: the server responded with a status of 404")
"""Beginnings of errors that MLflow's pages write to the console without any data: it asks for a user that does not exist."""
RUNS_LISTED = """document.querySelectorAll("a[href*='/runs/']").length"""
"""How many links to runs a page has."""
SCROLLING = """[...document.querySelectorAll('main *')].filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
  && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)).map((e) => e.textContent.slice(0, 200))"""
"""The parts of a page that can be scrolled sideways."""


@dataclass(frozen=True)
class Pages:
    """Where MLflow shows what.

    Attributes:
        runs: the address that the command prints.
        study: ID of the run of the study.
        trial: ID of the run of the promoted trial.
        stopped: ID of the run of a trial that was stopped.
        model: ID of the logged model.
    """

    runs: str
    study: str
    trial: str
    stopped: str
    model: str

    def of(self, kind: str, number: str) -> str:
        """Address of a run or of a logged model; `kind` is `runs` or `models`."""
        return f"{self.runs.partition('/runs?')[0]}/{kind}/{number}"


@pytest.fixture(scope="module")
def pages(shown: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    home = Workspace(tmp_path_factory.mktemp("mlflow") / "runs")
    shutil.copytree(shown.folder, home.folder)
    sync(home, "shown", draw)
    promote("shown", workspace=home, model="reader")
    client = open_mlflow(home)
    runs = client.search_runs([client.get_experiment_by_name("paretext").experiment_id])
    (study,) = (run.info.run_id for run in runs if run.data.tags[KIND_TAG] == "study")
    stopped = next(run.info.run_id for run in runs if run.data.tags.get(STATE_TAG) == "stopped")
    trial = client.get_model_version("reader", "1").run_id
    (made,) = client.get_run(trial).outputs.model_outputs
    with running_dashboard(home.folder, "shown", "--mlflow") as address:
        yield Pages(address, study, trial, stopped, made.model_id)


@pytest.fixture(scope="module")
def page(pages: Pages) -> Iterator[Any]:
    """A page of a browser; nothing of ours is written to its console as an error."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("needs Chromium on PATH (Debian's package chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (pip install 'paretext[test]')")
    errors: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport={"width": WIDTH_PX, "height": 1800})
        opened.set_default_timeout(PATIENCE_MS)
        opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: errors.append(str(error)))
        yield opened
        browser.close()
    assert [error for error in errors if not any(known in error for known in OF_MLFLOW)] == []


def see(page: Any, address: str, *texts: str) -> None:
    """Opens an address and waits until all of the texts are there."""
    page.goto(address, wait_until="domcontentloaded")
    for text in texts:
        page.locator(f"text={text}").first.wait_for(state="attached")
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH_PX
    if (folder := os.environ.get("PARETEXT_SCREENSHOTS")) is not None:
        page.screenshot(path=str(Path(folder) / f"mlflow-{texts[0].split()[0]}.png"))


def test_the_address_that_is_printed_shows_the_run_of_the_study(page: Any, pages: Pages) -> None:
    see(page, pages.runs, "shown", "Model training", "matching runs")


def test_the_run_of_the_study_shows_its_front_its_lines_and_its_trials(page: Any, pages: Pages, shown: Workspace) -> None:
    best = load_front(shown, "shown")[-1]
    see(
        page,
        pages.of("runs", pages.study),
        "About this run",
        "best_accuracy",
        "Child runs",
        "train (",
        "Promote the most accurate",
    )
    more = page.locator("button:has-text('Load more')")
    more.wait_for()  # MLflow lists ten child runs at a time, and this study has more
    while more.count():
        listed = page.evaluate(RUNS_LISTED)
        more.click()
        page.wait_for_function(f"{RUNS_LISTED} > {listed}")
    page.locator("text=(stopped)").first.wait_for(state="attached")
    cells = [cell.strip() for cell in page.locator("table td").all_text_contents()]
    assert best.accuracy_interval is not None
    low, high = (100 * end for end in best.accuracy_interval)
    assert {str(best.trial), f"{best.accuracy:.1%} ({low:.1f}-{high:.1f})"} <= set(cells)
    assert page.evaluate(SCROLLING) == []
    see(page, f"{pages.of('runs', pages.study)}/artifacts", "front.csv", "front.png")


def test_a_trial_that_was_stopped_is_finished_and_says_why(page: Any, pages: Pages) -> None:
    see(page, pages.of("runs", pages.stopped), "(stopped)", "Finished", "not among the best", "val_cer")
    assert page.locator("text=Killed").count() == page.locator("text=Failed").count() == 0
    assert page.evaluate(SCROLLING) == []


def test_a_promoted_trial_its_model_and_its_version_are_linked(page: Any, pages: Pages) -> None:
    see(page, pages.of("runs", pages.trial), "Registered models", "test_accuracy", "mbv3_small")
    see(page, pages.of("models", pages.model), "About this logged model", "Model versions", "test_accuracy")
    page.locator("a:has-text('reader')").first.click()
    page.wait_for_url("**/models/reader/versions/1")
    page.locator("text=which the search has not seen").first.wait_for()
    assert page.locator("text=champion").count() >= 1
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH_PX
