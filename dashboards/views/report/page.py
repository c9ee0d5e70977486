"""Makes the page of a report, and writes it whole or not at all, never over a file that is something else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from dashboards.views.metrics import column_of
from dashboards.views.report.again import study_file, versions
from dashboards.views.report.axes import Axes
from dashboards.views.report.cards import Card, cards_of
from dashboards.views.report.contents import Contents
from dashboards.views.report.data_part import data_part
from dashboards.views.report.fates import counts_of, fates_of
from dashboards.views.report.front_chart import front_chart
from dashboards.views.report.importance_chart import importance_chart
from dashboards.views.report.learning_chart import learning_chart
from dashboards.views.report.progress_chart import progress_charts, progress_of
from dashboards.views.report.readings import FrontReader
from studies.objectives.limits import LIMIT_NAMES, write_cost
from studies.storage.importances import importances
from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError

MARK = '<meta name="generator" content="paretext report">'
"""By which a report is told from any other file."""
MARK_WITHIN = 2_000
"""Bytes from the beginning of a report within which the mark is."""
FOLDER = Path(__file__).parent
"""Holds the template, the styles and the scripts."""
PLOTLY_JS = "plotly-basic.min.js"
"""plotly.js with lines, points and bars alone, unchanged from npm's plotly.js-basic-dist-min 4.1.1. It takes a quarter of the
bytes of the script in Python's plotly, and a page with it opens in half the time (`benchmarks/report`)."""


def make_page(contents: Contents, reader: FrontReader, paretext_version: str, refresh_s: float | None = None) -> str:
    """The page of a study.

    Args:
        contents: of the study.
        reader: reads with the files on the front.
        paretext_version: what the page says that it was made with.
        refresh_s: seconds after which the page loads itself again; None: never.
    """
    axes, readings = Axes.of(contents.objectives), reader.read(contents)
    cards, progress = cards_of(contents, axes, readings), progress_of(contents)
    charts: dict[str, Any] = {"front": front_chart(contents, axes, readings.samples), **progress_charts(progress)}
    charts["importance"] = importance_chart(importances(contents.store))
    charts["learning"] = learning_chart(contents)
    drawn = {name: chart for name, chart in charts.items() if chart is not None}
    return _template().render(
        name=contents.name,
        made=datetime.now().strftime("%Y-%m-%d %H:%M"),
        runner=contents.runner,
        counts=counts_of(contents.trials),
        trials=len(contents.trials),
        objectives=[column_of(objective).heading for objective in contents.objectives],
        limits=[f"{LIMIT_NAMES[cost]} {write_cost(cost, most)}" for cost, most in contents.study.limits.by_cost.items()],
        axes=axes,
        cards=cards,
        charts=list(drawn),
        hypervolume=progress.values[-1] if progress.values else None,
        fates=fates_of(contents.trials),
        data=data_part(contents, readings),
        study_file=study_file(contents.study),
        versions=versions(paretext_version),
        values=_json(_values(drawn, cards, axes, refresh_s)),
    )


def _template() -> jinja2.Template:
    """The template, with what is the same in all reports."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals.update(
        mark=Markup(MARK),
        style=Markup((FOLDER / "report.css").read_text(encoding="utf-8")),
        script=Markup((FOLDER / "report.js").read_text(encoding="utf-8")),
        plotly=Markup((FOLDER / PLOTLY_JS).read_text(encoding="utf-8")),
    )
    return environment.get_template("page.html")


def write_page(page: str, file: Path, overwrite: bool = False) -> None:
    """Writes a page.

    Args:
        page: from `make_page`.
        file: where; a report that is there is replaced.
        overwrite: replace any other file, too.

    Raises:
        UserError: there is another file, or it cannot be written.
    """
    if not overwrite:
        check_replaceable(file)
    try:
        with atomic_write(file) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror or error}") from None


def check_replaceable(file: Path) -> None:
    """Checks that a report may be written to a file.

    Raises:
        UserError: something else is there, or its folder is not.
    """
    if file.is_dir():
        raise UserError(f"{file} is a folder; name a file, such as {file / 'report.html'}")
    if not file.exists():
        if not file.absolute().parent.is_dir():
            raise UserError(f"cannot write {file}: there is no folder {file.parent}")
        return
    with file.open("rb") as present:
        if MARK.encode() not in present.read(MARK_WITHIN):
            raise UserError(
                f"{file} is there and is no report of Paretext; name another file, or add --overwrite to replace it"
            )


def _values(drawn: Mapping[str, Any], cards: list[Card], axes: Axes, refresh_s: float | None) -> dict[str, Any]:
    """What the script of the page works with."""
    across = [card.across for card in cards]
    ends = {"least": min(across, default=1), "most": max(across, default=1)}
    return {
        "charts": {name: json.loads(chart.to_json()) for name, chart in drawn.items()},
        "front": [{"trial": c.trial, "across": c.across, "up": c.up, "label": c.label, "summary": c.summary} for c in cards],
        "across": {"log": axes.across.is_log, "unit": axes.across.unit, **ends},
        "refresh": refresh_s,
    }


def _json(values: Mapping[str, Any]) -> Markup:
    """Values as JSON that may stand in a script element: no text of them can end it."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
