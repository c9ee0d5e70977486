"""The report of a study: what its page has, where it is written, and what it never replaces."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashboards.views.report.again import study_file
from dashboards.views.report.contents import Contents, read_contents
from dashboards.views.report.fates import fates_of
from dashboards.views.report.learning_chart import learning_chart
from dashboards.views.report.page import MARK, make_page
from dashboards.views.report.progress_chart import progress_of
from dashboards.views.report.readings import FrontReader
from dashboards.views.report.watching import REFRESH_S, Report
from studies.definition.study import resolve
from studies.objectives.catalog import objectives_of
from studies.storage.importances import importances
from studies.storage.lease import Lease
from studies.storage.outcomes import CheckpointOf, Duplicate, Failed, Stopped
from studies.storage.pareto_front import load_store, pareto_front
from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from trainers.export.part_bytes import part_bytes


@pytest.fixture(scope="module")
def contents(shown: Workspace) -> Contents:
    return read_contents(shown, "shown")


@pytest.fixture(scope="module")
def page(contents: Contents) -> str:
    return make_page(contents, FrontReader(), "0.1.0")


def values_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="values">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    values: dict[str, Any] = json.loads(found[1])
    return values


def test_every_file_on_the_front_has_a_card_with_what_its_measurement_says(contents: Contents, page: str) -> None:
    for point in contents.front:
        card = page.split(f'<article class="card" id="trial-{point.trial}"')[1].split("</article>")[0]
        assert f"{point.accuracy * 100:.1f} %" in card and f"paretext promote shown --trial {point.trial}" in card
        wrong = point.validation_lines - round(point.accuracy * point.validation_lines)
        assert "misread validation lines" in card and f"of {wrong} " in card
        assert card.count("data:image/png;base64,") == min(5, wrong)
    assert [each["trial"] for each in values_of(page)["front"]] == [p.trial for p in contents.front]


def test_each_learning_curve_has_the_name_of_the_trial_that_trained(contents: Contents) -> None:
    named = [int(number) for curve in learning_chart(contents).data for number in re.findall(r"\d+", curve.hovertemplate[:9])]
    duplicates = {trial.number for trial in contents.trials if isinstance(trial.outcome, CheckpointOf | Duplicate)}
    assert duplicates and named and len(set(named)) == len(named)
    front = {point.trial for point in contents.front}
    assert all(contents.trials[number].epochs_trained for number in named if number not in front)
    ended = {trial.number for trial in contents.trials if isinstance(trial.outcome, Stopped | Failed)}
    assert ended <= {*named, *(contents.training_of(number).number for number in front)}


def test_the_parts_of_a_file_add_up_to_its_bytes(contents: Contents) -> None:
    for point in contents.front:
        parts = part_bytes(point.configuration.architecture, 28, point.size_bytes)
        assert sum(parts.values()) == point.size_bytes and min(parts.values()) >= 0
        assert {"backbone", "encoder", "head"} <= parts.keys() and ("neck" in parts) == (point.architecture["neck"] != "none")


def test_each_kind_of_trial_is_drawn_with_a_shape_and_a_colour_of_its_own(contents: Contents, page: str) -> None:
    traces = values_of(page)["charts"]["front"]["data"]
    kinds = {trace["name"]: (trace["marker"]["symbol"], trace["marker"]["color"]) for trace in traces}
    assert {"on the front", "dominated", "stopped early", "suspended", "over a limit", "failed"} <= kinds.keys()
    assert len({symbol for symbol, _ in kinds.values()}) == len(kinds)
    drawn = sorted({number for trace in traces for number in trace["customdata"]})
    known = [t.number for t in contents.trials if t.outcome.name not in ("refused", "duplicate")]
    assert drawn == known


def test_the_page_asks_no_other_machine_for_anything(page: str) -> None:
    without_plotly = page.split("<script>")[0] + page.rsplit("<script>", 1)[1]
    assert not re.search(r'(?:src|href)="(?!data:|#)', without_plotly) and "@import" not in without_plotly
    assert "default-src 'none'" in page and page.count("plotly.js (basic") == 1
    kinds = {trace["type"] for chart in values_of(page)["charts"].values() for trace in chart["data"]}
    assert kinds <= {"scatter", "bar"}, "the script in the page draws nothing else"


def test_texts_of_a_study_cannot_become_markup(contents: Contents) -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    failed = next(t for t in contents.trials if isinstance(t.outcome, Failed))
    trials = [t.closed(Failed(evil)) if t is failed else t for t in contents.trials]
    page = make_page(replace(contents, trials=trials), FrontReader(), evil)
    assert evil not in page and "<img src=x" not in page
    hover = next(t for t in values_of(page)["charts"]["front"]["data"] if t["name"] == "failed")["hovertext"][0]
    assert "&lt;img" in hover and "<img" not in hover


def test_the_front_only_grows(contents: Contents) -> None:
    progress = progress_of(contents)
    assert list(progress.values) == sorted(progress.values) and 0 < progress.values[-1] <= 1
    assert list(progress.hours) == sorted(progress.hours) and list(progress.lines) == sorted(progress.lines)
    assert set(progress.trials) >= {point.trial for point in contents.front}


def test_every_fate_has_its_reason(contents: Contents) -> None:
    fates = {fate.name: fate for fate in fates_of(contents.trials)}
    assert {"stopped", "suspended", "over a limit", "infeasible", "duplicate", "failed"} <= fates.keys()
    assert "super_resolution needs a neck" in fates["infeasible"].reasons[0].example
    assert all(fate.trials == sum(reason.trials for reason in fate.reasons) for fate in fates.values())


def test_importances_are_shares_of_each_objective(contents: Contents) -> None:
    found = importances(contents.store)
    assert set(found) == {"accuracy", "size"}
    assert all(0 <= share <= 1 for values in found.values() for share in values.values())
    assert max(found["size"], key=found["size"].__getitem__) in ("width_percent", "precision", "encoder_hidden")


def test_the_study_file_makes_the_same_study_again(contents: Contents) -> None:
    assert resolve(tomllib.loads(study_file(contents.study)), "test") == contents.study


@pytest.mark.parametrize("budget", [{"trials": 24, "epochs": 40, "time": "2h"}, {"time": "2h"}, {"trials": 7}])
def test_the_study_file_has_the_same_budget_with_and_without_a_time(budget: dict[str, str | int]) -> None:
    study = resolve({"name": "timed", "budget": budget}, "test")
    assert resolve(tomllib.loads(study_file(study)), "test") == study


def test_the_page_goes_to_the_folder_of_the_study_and_is_replaced_there(
    paretext: Commands, shown: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(shown.folder))
    for _ in range(2):
        answer = paretext("report", "shown")
        assert (answer.code, answer.err) == (0, "")
        assert Path(answer.out.strip()) == shown.study("shown") / "report.html"
    assert MARK in Path(answer.out.strip()).read_text(encoding="utf-8")[:2_000]


def test_what_is_no_report_is_never_replaced(paretext: Commands, tmp_path: Path) -> None:
    file = tmp_path / "thesis.html"
    file.write_text("years of work")
    answer = paretext("report", "empty", "--html", file)
    assert answer.code == 2 and "is no report of Paretext" in answer.err and len(answer.err.splitlines()) == 1
    assert file.read_text() == "years of work"
    assert paretext("report", "empty", "--html", tmp_path / "no" / "x.html").code == 2
    assert paretext("report", "empty", "--html", tmp_path).code == 2
    assert paretext("report", "empty", "--html", file, "--overwrite").code == 0
    assert MARK in file.read_text(encoding="utf-8")


def test_a_study_without_trials_and_one_whose_lines_are_unknown_have_reports(paretext: Commands, tmp_path: Path) -> None:
    assert paretext("report", "empty", "--html", tmp_path / "empty.html").code == 0
    assert "No file reads yet" in (tmp_path / "empty.html").read_text(encoding="utf-8")
    assert paretext("report", "plates", "--html", tmp_path / "plates.html").code == 0
    assert "was not recorded" in (tmp_path / "plates.html").read_text(encoding="utf-8")
    assert paretext("report", "plate").code == 2


@pytest.mark.parametrize("names", [["cer", "latency"], ["accuracy", "size", "latency"]])
def test_other_objectives_have_their_own_axes_and_slider(contents: Contents, names: list[str]) -> None:
    objectives = objectives_of(names)
    front = pareto_front(contents.points, objectives)
    values = values_of(make_page(replace(contents, objectives=objectives, front=front), FrontReader(), "0.1.0"))
    layout, cheapest = values["charts"]["front"]["layout"], min(front, key=lambda p: p.latency_ms)
    if "cer" in names:
        assert layout["yaxis"]["title"]["text"] == "character error rate (%)" and values["across"]["unit"] == "ms"
        assert values["front"][0]["across"] == cheapest.latency_ms
        best = max(values["front"], key=lambda each: each["up"])["trial"]
        assert best in {p.trial for p in front if p.cer == min(q.cer for q in front)}
    drawn = next(trace for trace in values["charts"]["front"]["data"] if trace["name"] == "on the front")
    assert drawn["mode"] == ("lines+markers" if len(names) == 2 else "markers") and len(drawn["x"]) == len(front)


def test_a_watched_page_loads_itself_again_until_its_search_ends(workspace: Workspace, tmp_path: Path) -> None:
    file, refreshed = tmp_path / "empty.html", []
    lease = Lease(load_store(workspace, "empty"), print)
    lease.take()

    def written(_: Contents) -> None:
        refreshed.append(values_of(file.read_text(encoding="utf-8"))["refresh"])
        lease.release()

    Report(workspace, "empty", file, "0.1.0").keep(written, look_s=0.01)
    assert refreshed == [REFRESH_S, None]
