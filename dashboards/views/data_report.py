"""Prints the report of `paretext data check`: counts, distributions, and findings with a few examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainers.base.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from trainers.data.checks.check import Report

MOST_ROW = 500
"""Characters of a name and a remark that are printed; a terminal shows some hundred of them."""
SHOWN_DETAILS = 5
"""Most examples of a finding that are shown."""
_ABOUT_CHARACTERS = ("width_confusable", "nfkc_confusable", "chinese_confusable", "rare")
"""Findings whose details are about characters, not about lines."""


def _bars(histogram: Mapping[str, Any]) -> str:
    """A distribution in one row of text: a bar for each bin, a blank for an empty one."""
    from dashboards.views.sparkline import BARS

    counts = histogram["counts"]
    most = max(counts)
    bars = "".join(BARS[max(0, round(count / most * len(BARS)) - 1)] if count else " " for count in counts)
    return f"{histogram['from']:.4g} {bars} {histogram['to']:.4g}"


def print_report(report: Report) -> None:
    """Prints a report to stdout."""
    from rich.markup import escape
    from rich.table import Table

    from dashboards.views.console import stdout_console
    from search_space import Architecture

    console = stdout_console()
    facts = report.facts
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row(
        "lines", f"{facts['lines']}, of which {facts['usable']} can be used; {facts['never_a_line']} files or rows are none"
    )
    table.add_row("characters", f"{facts['characters']}, {facts['symbols']} different ones")
    for name, unit in (("label_length", "characters"), ("image_height", "px"), ("aspect_ratio", "widths per height")):
        spread = facts[name]
        if spread:
            numbers = (
                f"{spread['least']:g} to {spread['greatest']:g}, median {spread['median']:g}, 95 % up to {spread['p95']:g}"
            )
            table.add_row(name.replace("_", " "), f"{numbers} {unit}")
            table.add_row("", _bars(facts["histograms"][name]))
    if facts["suggested"]:
        s = facts["suggested"]
        table.add_row(
            "suggested", f"height {s['height_px']} px, time stride {s['time_stride']}, most lines within {s['width_px']} px"
        )
        tried = {"height_px": s["height_px"], "time_stride": s["time_stride"]}
        fields = [f"{name} = [{value}]" for name, value in tried.items() if value != getattr(Architecture(), name)]
        if fields:
            table.add_row("", escape(f"in a study: {', '.join(fields)} under [space], beside its other fields"))
    console.print(table)
    _print_findings(report, console)


def _print_findings(report: Report, console: Console) -> None:
    names = [line.name for line in report.lines]
    verbs = {"drop": "--fix drops them", "rewrite": "--fix rewrites them", "none": "--fix leaves them"}
    for finding in report.findings:
        console.print(f"\n{finding.count} x {printable(finding.title)} ({verbs[finding.fix]})", style="bold", markup=False)
        console.print(f"  {finding.advice}", markup=False)
        shown = list(finding.names) + [names[i] for i in finding.lines]
        if finding.details and finding.kind not in _ABOUT_CHARACTERS:
            shown = [f"{name}: {detail}" for name, detail in zip(shown, finding.details, strict=True)]
        elif finding.details:
            shown = list(finding.details)
        for row in shown[:SHOWN_DETAILS]:
            console.print(f"    {printable(row, MOST_ROW)}", markup=False, overflow="ellipsis", no_wrap=True)
        if len(shown) > SHOWN_DETAILS:
            console.print(f"    … {len(shown) - SHOWN_DETAILS} more (--json names all)", markup=False)
    if not report.findings:
        console.print("\nnothing wrong was found")
