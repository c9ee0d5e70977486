"""The report in Chromium: it fits a wide and a narrow screen, light and dark, and its slider chooses the right file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.views.report.contents import Contents, read_contents
from dashboards.views.report.page import make_page
from dashboards.views.report.readings import FrontReader
from studies.workspace.paths import Workspace

pytestmark = pytest.mark.slow
playwright = pytest.importorskip("playwright.sync_api", reason="needs the pip package playwright")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium on PATH, such as Debian's package of that name")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def contents(shown: Workspace) -> Contents:
    return read_contents(shown, "shown")


@pytest.fixture(scope="module")
def file(contents: Contents, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(make_page(contents, FrontReader(), "0.1.0"), encoding="utf-8")
    return file


def opened(browser: Any, file: Path, width: int, scheme: str) -> tuple[Any, list[str]]:
    """The page with its charts, and what it complained of or asked other machines for."""
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: faults.append(request.url) if request.url.startswith("http") else None)
    page.goto(file.as_uri())
    page.wait_for_selector("#chart-front .main-svg")
    return page, faults


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (390, "dark")])
def test_the_page_fits_the_screen_without_faults_and_all_charts_and_images_are_there(
    browser: Any, file: Path, width: int, scheme: str
) -> None:
    page, faults = opened(browser, file, width, scheme)
    for chart in ("over-time", "over-lines", "importance", "learning"):
        page.locator(f"#chart-{chart}").scroll_into_view_if_needed()
        page.wait_for_selector(f"#chart-{chart} .main-svg")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    loaded = "[...document.images].every((image) => image.complete && image.naturalWidth > 0)"
    assert page.evaluate("document.images.length") > 10 and page.evaluate(loaded)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 28)")
    tick = "getComputedStyle(document.querySelector('#chart-front .ytick text')).fill"
    on_screen = page.evaluate(tick)
    covered = """[...document.querySelectorAll('.chart')].filter((chart) => {
      const parts = ['.x2title, .xtitle', '.legend'].map((part) => chart.querySelector(part));
      const [title, legend] = parts.map((part) => part?.getBoundingClientRect());
      return title && legend && title.top < legend.bottom && legend.top < title.bottom - 1;
    }).map((chart) => chart.id)"""
    assert page.evaluate(covered) == []
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(tick) == "rgb(68, 68, 68)", "on paper, charts have the colours of a light page"
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(tick) == on_screen
    assert page.evaluate(covered) == [], "a legend covers the title of an axis after printing"
    assert faults == []
    page.context.close()


def test_the_slider_and_the_table_show_the_right_file(browser: Any, file: Path, contents: Contents) -> None:
    page, faults = opened(browser, file, 1400, "light")

    def shown() -> int:
        cards = page.locator(".card:visible")
        assert cards.count() == 1
        return int(cards.get_attribute("data-trial"))

    smallest, *_, largest = contents.front
    assert shown() == largest.trial
    page.locator("#most").focus()
    page.keyboard.press("Home")
    assert shown() == smallest.trial
    page.keyboard.press("End")
    assert shown() == largest.trial
    for point in contents.front:
        page.locator(f"button.show[data-trial='{point.trial}']").press("Enter")
        assert shown() == point.trial and f"{point.accuracy * 100:.1f} %" in page.locator("#best").inner_text()
        page.locator("#most").press("ArrowLeft")  # a little below the size of this file, so the next smaller one
        below = [p for p in contents.front if p.size_bytes < point.size_bytes]
        assert shown() == (max(below, key=lambda p: p.accuracy).trial if below else smallest.trial)
    page.reload()
    page.wait_for_selector("#chart-front .main-svg")
    assert shown() == max(below, key=lambda p: p.accuracy).trial, "the page forgot which file was chosen"
    assert faults == []
    page.context.close()
