"""The notes that optuna-dashboard shows of a study and of its trials, in Markdown."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.views.console import accuracy_words, percent
from dashboards.views.trial_list import TrialRow
from search_space import write_size
from search_space.architecture import RefusedArchitecture
from studies.objectives.limits import LIMIT_NAMES, write_cost
from studies.storage.outcomes import CheckpointOf, Duplicate, PrecisionVariantOf
from studies.storage.stored_trial import StoredTrial

if TYPE_CHECKING:
    from studies.definition.study import Study
    from studies.storage.front_point import FrontPoint

MOST_ROWS = 40
"""Points of the front that the note of a study lists: a longer note takes more than three attributes of 2,045 characters."""
LONGEST_LINE = 72
"""Characters of a line in the note of a trial."""
LONGEST_SOURCE = 24
"""Characters of a source of lines that is shown whole: as many as fit in a line on a phone."""
MAY_BREAK = "\u200b"
"""A space of no width, at which a browser may break a long name."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|$~])")
"""Characters that Markdown, HTML or a formula would take for its own."""


@dataclass(frozen=True)
class StudyState:
    """What the note of a study is written from.

    Attributes:
        study: as it is stored; None when it needs a package that is not installed here.
        name: of the study.
        number: its ID in the storage, which is in the address of its pages.
        lines: which lines it is measured on, by input height, as `StudyStore.data_identity` has them.
        outcomes: number of closed trials by the words for their outcome.
        front: smallest first.
    """

    study: Study | None
    name: str
    number: int
    lines: Mapping[str, Mapping[str, Any]]
    outcomes: Mapping[str, int]
    front: Sequence[FrontPoint]


def study_note(state: StudyState) -> str:
    """The note of a study: data, limits, front, and the commands that come next."""
    return "\n".join([f"## {plain(state.name)}", "", *_facts(state), "", *_front(state), "", *_commands(state)])


def trial_note(study: str, trial: StoredTrial, epochs: int | None) -> str:
    """The note of a closed trial: what it is, how it ended, its file, and how to take it.

    Args:
        study: name of its study.
        trial: with its outcome.
        epochs: of a full training; None when the study does not say.
    """
    row = TrialRow.of(trial, epochs, on_front=False)
    lines = [f"**{row.state}**: {plain(_what(trial, row))}"]
    lines += _ending(trial)
    if row.epochs_trained:
        lines.append(f"Trained for {row.epochs_trained}{f' of {epochs}' if epochs else ''} epochs.")
    lines += _reached(trial, row)
    lines = [_wrapped(line) for line in lines]
    if row.model is not None:
        lines.append(f"Its file in the workspace folder:\n\n`{row.model}`")
        lines.append(f"```\nparetext promote {study} --trial {trial.number}\n```")
    return "\n\n".join(lines)


def _wrapped(paragraph: str) -> str:
    """A paragraph in short lines: optuna-dashboard makes its page as wide as the longest one."""
    return "  \n".join(textwrap.wrap(paragraph, LONGEST_LINE, break_long_words=False, break_on_hyphens=False))


def plain(text: str) -> str:
    """A text in which Markdown finds no marks of its own, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _what(trial: StoredTrial, row: TrialRow) -> str:
    """What a trial trains, with searched settings of the recipe."""
    try:
        return row.what if trial.configuration is None else trial.configuration.describe()
    except RefusedArchitecture:  # built by an earlier version
        return row.what


def _ending(trial: StoredTrial) -> Iterator[str]:
    """Why a trial ended, and the trial that it comes from."""
    if isinstance(trial.outcome, Duplicate | PrecisionVariantOf | CheckpointOf):
        of = trial.outcome.of if isinstance(trial.outcome, Duplicate) else trial.outcome.trial
        yield f"Of [trial {of}](?numbers={of}): {plain(trial.reason)}."
    elif trial.reason:
        yield f"Reason: {plain(trial.reason)}."


def _reached(trial: StoredTrial, row: TrialRow) -> Iterator[str]:
    """What a trial reads and costs; nothing if it has read nothing yet."""
    measured = trial.measurement
    if measured is not None:
        accuracy = accuracy_words(measured.accuracy, measured.lines)
        yield f"On {measured.lines:,} validation lines: accuracy {accuracy}, CER {percent(measured.cer)}."
        yield f"{write_size(measured.size_bytes)}, {measured.latency_ms:.2f} ms a line."
    elif row.accuracy is not None and row.cer is not None:
        yield f"When it was last compared: accuracy {percent(row.accuracy)}, CER {percent(row.cer)}."


def _facts(state: StudyState) -> Iterator[str]:
    """Data, limits, objectives and counts, as a list."""
    if state.study is not None:
        data, search = state.study.data, state.study.search
        sources = [data.source] if isinstance(data.source, str) else data.source
        yield f"- **Data**: {plain('; '.join(map(_end_of, sources)))}{_counted(state.lines)}"
        limits = [f"{LIMIT_NAMES[cost]} {write_cost(cost, most)}" for cost, most in state.study.limits.by_cost.items()]
        yield f"- **Limits**: {', '.join(limits) or 'none'}"
        names = ", ".join(objective.name for objective in state.study.objectives)
        yield f"- **Searched for**: {names}, with the sampler {plain(search.sampler)}, {state.study.budget.epochs} epochs each"
    counts = ", ".join(f"{count:,} {words}" for words, count in sorted(state.outcomes.items(), key=lambda item: -item[1]))
    yield f"- **Trials**: {counts or 'none has ended yet'}"


def _end_of(source: str) -> str:
    """A source, of a long path the last folders: a browser does not break a path."""
    end = source
    while len(end) > LONGEST_SOURCE and "/" in end:
        end = end.partition("/")[2]
    return source if end == source else f"…/{end}"


def _counted(lines: Mapping[str, Mapping[str, Any]]) -> str:
    """Numbers of lines; empty where the study does not say."""
    first = next(iter(lines.values()), None)
    if first is None:
        return ""
    return f" ({first['training']:,} training and {first['validation']:,} validation lines, {first['symbols']:,} characters)"


def _front(state: StudyState) -> Iterator[str]:
    """The front as a table of three columns, which fit a phone: optuna-dashboard makes its page as wide as a table needs."""
    if not state.front:
        yield "Nothing reads yet, so there is no front."
        return
    yield "| trial | accuracy (95 %) | file |"
    yield "|--:|:--|:--|"
    for point in state.front[-MOST_ROWS:]:
        # optuna-dashboard's dark pages have dark blue links, so the number itself is none
        link = f"{point.trial} [↗](/dashboard/studies/{state.number}/trials?numbers={point.trial})"
        reads = f"{accuracy_words(point.accuracy, point.validation_lines)}, CER {percent(point.cer)}"
        if point.test_accuracy is not None:
            reads += f"; test lines {accuracy_words(point.test_accuracy, point.test_lines)}"
        what = plain(_architecture(point)).replace("_", f"_{MAY_BREAK}")
        file = f"**{write_size(point.size_bytes)}**, {point.latency_ms:.2f} ms a line, {what}"
        yield f"| {link} | {reads} | {file} |"
    if len(state.front) > MOST_ROWS:
        yield f"\n{len(state.front) - MOST_ROWS:,} smaller ones are not listed: `paretext front {state.name}`"


def _architecture(point: FrontPoint) -> str:
    try:
        words = point.configuration.describe()
    except RefusedArchitecture:  # built by an earlier version
        words = str(point.architecture.get("backbone", ""))
    return f"{words}, {point.stage}" if point.stage else words


def _commands(state: StudyState) -> Iterator[str]:
    """The next commands, as a list: optuna-dashboard does not wrap a block of code."""
    name = state.name
    yield f"- `paretext front {name}`: the front in the terminal"
    yield f"- `paretext report {name} --open`: one page with everything"
    yield f"- `paretext promote {name}`: register the most accurate file; `--size-limit SIZE` or `--trial N` take another"
    yield "- `paretext predict IMAGE`: read with what was promoted last"
