"""Suggests the next commands after a search: look, promote, read, continue; or, if nothing reads yet, what would help."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.views.console import percent
from studies.run.budget import ALL_DONE, EPOCHS_ARE_TRAINED, INTERRUPTED, TIME_IS_UP
from trainers.base.candidate import READING_CER

if TYPE_CHECKING:
    from studies.run.observer import StudyFacts, Summary
    from studies.run.reading_progress import LowestCer


@dataclass(frozen=True)
class SearchEnd:
    """How a search ended, for what is said afterwards.

    Attributes:
        name: of the study.
        words: the command line after `paretext`.
        summary: of the run.
        waiting: trainings that the next run resumes.
        facts: what was known before the first trial; None when the search did not get there.
    """

    name: str
    words: tuple[str, ...]
    summary: Summary
    waiting: int
    facts: StudyFacts | None = None

    def continuation(self) -> tuple[str, str] | None:
        """The command that continues the study, and a remark; None if no option of the command line would help."""
        waiting = "1 training waits" if self.waiting == 1 else f"{self.waiting:,} trainings wait"
        waiting = f"; {waiting}" if self.waiting else ""
        reason = self.summary.reason
        if reason in (TIME_IS_UP, INTERRUPTED):
            return shlex.join(("paretext", *self.words)), f"the same command; {reason}{waiting}"
        if reason.endswith(EPOCHS_ARE_TRAINED):
            return f"paretext search --name {self.name} --total-epochs MORE", f"{reason}{waiting}"
        if reason == ALL_DONE and self.summary.trials is not None:
            return f"paretext search --name {self.name} --trials {2 * self.summary.trials}", "with more trials"
        return None


def next_commands(end: SearchEnd) -> list[str]:
    """Commands for what comes next, a line each, after a search whose front is not empty."""
    rows = [
        ("look", f"paretext report {end.name} --open", f"one page; or in optuna-dashboard: paretext dashboard {end.name}"),
        ("promote", f"paretext promote {end.name}", "the most accurate; --size-limit SIZE or --trial N takes another"),
        ("read", "paretext predict IMAGE", "with what was promoted last"),
    ]
    width = max(len(command) for _, command, _ in rows)
    continuation = end.continuation()
    rows += [] if continuation is None else [("continue", *continuation)]
    return ["what comes next:"] + [f"  {verb:<9}{command:<{width}}  # {remark}" for verb, command, remark in rows]


def nothing_reads(end: SearchEnd, best: LowestCer | None, rendered: bool) -> list[str]:
    """What to say when a search ends without a front, a line each.

    Args:
        end: of the search.
        best: the lowest character error rate so far; None when no epoch has been trained.
        rendered: whether the study already draws lines.
    """
    after = "" if best is None or not best.epoch else f" after epoch {best.epoch}"
    so_far = "no epoch is trained" if best is None else f"the best training has {percent(best.cer)} of characters wrong{after}"
    reads = best is not None and best.cer < READING_CER  # a training that was ended in the middle of an epoch, without a file
    state = f"no file on the front of study '{end.name}' yet" if reads else f"nothing reads yet in study '{end.name}'"
    lines = [f"paretext: {state}: {so_far}", "what helps:"]
    continuation = end.continuation()
    if best is None and end.summary.reason == TIME_IS_UP:
        longer = f"paretext search --name {end.name} --time LONGER"
        lines.append(f"  more time   {longer}  # this time is too short for an epoch, which the next run begins again")
    elif continuation is not None and end.summary.reason != ALL_DONE:
        lines.append(f"  more time   {continuation[0]}  # {continuation[1]}")
    elif end.facts is not None:
        lines.append(f"  more time   a new study with more epochs: --name NAME --epochs {2 * end.facts.epochs}")
    if reads:
        return lines
    count = "" if end.facts is None else f"there are {end.facts.training_lines:,} to learn from; "
    lines.append(f"  more lines  {count}a new study with more of them")
    if not rendered:
        lines.append("  drawn ones  for print: rendered = true under [data] of a new study file (docs/data.md)")
    return lines
