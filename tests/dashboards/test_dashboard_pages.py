"""The pages of optuna-dashboard in a real browser, on a study with a trial of every fate.

Its own layout is wider than a phone: a table of attributes of at least 650 pixels on the page of a study, a column of 200
beside the attributes of a trial. So on a phone a page is compared with that of a study that Optuna alone has made.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest

from studies.storage.backends import open_storage
from studies.storage.outcomes import Measured
from studies.storage.pareto_front import load_front, load_store
from studies.workspace.paths import Workspace
from testing.dashboard_process import running_dashboard

pytestmark = pytest.mark.slow

PATIENCE_MS = 120_000
"""How long a page may take on a busy machine."""
WIDE_PX, PHONE_PX = 1400, 390
"""Widths of the windows."""
PAPER = "getComputedStyle(document.body).backgroundColor"
"""The colour of a page, in JavaScript."""
FOREIGN = "foreign"
"""Name of a study with one trial of two parameters that Optuna alone has made."""


@pytest.fixture(scope="module")
def home(shown: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("pages") / "runs"
    shutil.copytree(shown.folder, folder)
    home = Workspace(folder)
    foreign = optuna.create_study(
        study_name=FOREIGN, storage=open_storage(home.optuna_url), directions=["maximize", "minimize"]
    )
    foreign.optimize(lambda trial: (trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)), n_trials=1)
    return home


@pytest.fixture(scope="module")
def address(home: Workspace) -> Iterator[str]:
    """The page of the study that `paretext dashboard` serves to every machine; SIGTERM ends it with a line and exit code 0."""
    warnings = ["there is no password"]
    with running_dashboard(home.folder, "shown", "--host", "0.0.0.0", end=signal.SIGTERM, warnings=warnings) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("needs Chromium on PATH (Debian's package chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (pip install 'paretext[test]')")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@contextmanager
def window(browser: Any, width: int, scheme: str) -> Iterator[Any]:
    """A page of the browser; nothing is written to its console as an error."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 1800}, color_scheme=scheme)
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Iterator[Any]:
    """Closed before the dashboard ends: a page that polls would log refused connections as errors."""
    with window(browser, WIDE_PX, "light") as opened:
        yield opened


def width(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


def keep_picture(page: Any, name: str) -> None:
    """Writes what the browser shows where someone asks for it with PARETEXT_SCREENSHOTS=FOLDER."""
    if (folder := os.environ.get("PARETEXT_SCREENSHOTS")) is not None:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def test_the_study_page_draws_the_front_twice(page: Any, address: str, home: Workspace) -> None:
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector("#graph-pareto-front path.point", state="attached")
    page.wait_for_selector("text=accuracy against size")
    assert page.locator("text=limit 1.20MB").count() == 1
    assert width(page) <= WIDE_PX


def test_the_note_of_the_study_lists_the_front(page: Any, address: str, home: Workspace) -> None:
    page.goto(f"{address}/note", wait_until="domcontentloaded")
    page.wait_for_selector("table")
    trials = [int(cell.split()[0]) for cell in page.locator("table td:first-child").all_text_contents()]
    assert trials == [point.trial for point in load_front(home, "shown")]
    links = [link.get_attribute("href") for link in page.locator("table a").all()]
    assert [int(str(link).rpartition("=")[2]) for link in links] == trials
    assert width(page) <= WIDE_PX


def test_the_page_of_a_trial_has_its_note_and_its_pictures(page: Any, address: str, home: Workspace) -> None:
    trial = next(t for t in load_store(home, "shown").stored_trials() if isinstance(t.outcome, Measured))
    page.goto(f"{address}/trials?numbers={trial.number}", wait_until="domcontentloaded")
    page.wait_for_selector(f"text=paretext promote shown --trial {trial.number}")
    page.wait_for_function(
        "[...document.querySelectorAll('img')].filter(image => image.complete && image.naturalWidth > 900).length === 2"
    )
    assert width(page) <= WIDE_PX
    keep_picture(page, "dashboard")


def test_the_table_for_a_selection_is_no_wider_than_the_page(page: Any, address: str) -> None:
    page.goto(f"{address}/smartSelection", wait_until="domcontentloaded")
    page.wait_for_selector("table tbody tr")
    assert width(page) <= WIDE_PX
    keep_picture(page, "selection")
    assert max(row.bounding_box()["height"] for row in page.locator("table tbody tr").all()) < 200


@pytest.mark.parametrize("pixels", [WIDE_PX, PHONE_PX])
def test_what_paretext_writes_makes_no_page_wider(browser: Any, address: str, home: Workspace, pixels: int) -> None:
    """In no page of a study, its note, or its trials of every outcome, in light colours and in dark ones."""
    trials = load_store(home, "shown").stored_trials()
    numbers = {type(trial.outcome): trial.number for trial in trials}.values()
    foreign = load_store(home, "shown").optuna_study._study_id + 1
    foreign_address = f"{address.rpartition('/')[0]}/{foreign}"

    def widths(page: Any, place: str, text: str, name: str) -> tuple[int, int]:
        """Of a page in light colours, and when the system has changed to dark ones."""
        page.emulate_media(color_scheme="light")
        page.goto(place, wait_until="domcontentloaded")
        page.wait_for_selector(f"text={text}")
        page.wait_for_function("document.fonts.ready.then(() => true)")
        light, paper = width(page), page.evaluate(PAPER)
        keep_picture(page, f"{name}-{pixels}-light")
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(f"{PAPER} !== '{paper}'")
        keep_picture(page, f"{name}-{pixels}-dark")
        return light, width(page)

    with window(browser, pixels, "light") as page:
        others = widths(page, foreign_address, "Study User Attributes", "foreign")
        own = widths(page, address, "Study User Attributes", "study")
        assert all(mine <= theirs for mine, theirs in zip(own, others, strict=True))
        assert max(own) <= pixels or pixels == PHONE_PX
        assert widths(page, f"{address}/note", "register the most accurate", "note") == (pixels, pixels)
        widest = widths(page, f"{foreign_address}/trials?numbers=0", "User Attributes", "foreign-trial")
        assert widest == (pixels, pixels) or pixels == PHONE_PX
        for number in numbers:
            found = widths(page, f"{address}/trials?numbers={number}", "outcome", f"trial-{number}")
            assert all(mine <= theirs for mine, theirs in zip(found, widest, strict=True)), number
