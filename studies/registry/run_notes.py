"""The descriptions of runs that MLflow's pages show, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from search_space.units import write_size
from studies.storage.front_point import FrontPoint
from trainers.evaluation.uncertainty import interval_words

LONGEST_TABLE = 30
"""Rows of the front in a description; the artifact `front.csv` has all. A tag of MLflow takes 8,000 characters."""


def study_note(name: str, params: Mapping[str, Any], front: Sequence[FrontPoint]) -> str:
    """The description of a study: its data, its limits, its front as a table, and the commands that come next.

    Args:
        name: of the study.
        params: its flat settings.
        front: smallest file first.
    """
    limits = {key.partition(".")[2]: value for key, value in params.items() if key.startswith("limits.") and value is not None}
    said = "; ".join(f"{limit} at most {value}" for limit, value in limits.items()) or "none"
    lines = [f"Lines: {params.get('data.source', '')}. Limits: {said}.", ""]
    if front:
        lines += [
            "| trial | accuracy | test accuracy | characters wrong | size | ms a line |",
            "|---:|---:|---:|---:|---:|---:|",
        ]
        lines += [_row(point) for point in front[:LONGEST_TABLE]]
        if len(front) > LONGEST_TABLE:
            lines.append(f"\n{len(front) - LONGEST_TABLE} more are in the artifact `front.csv`.")
        lines += ["", f"Promote the most accurate: `paretext promote {name}`, or another one with `--trial N`.", ""]
    else:
        lines += ["Nothing reads yet.", ""]
    return "\n".join([*lines, f"Look at it: `paretext front {name}`. Continue it: `paretext search --name {name}`."])


def trial_note(study: str, number: int, state: str, tags: Mapping[str, str], has_model: bool) -> str:
    """The description of a trial: what it is, why it ended, and how to promote it.

    Args:
        study: name of the study.
        number: of the trial.
        state: name of its outcome.
        tags: `paretext.description` and `paretext.reason` are used.
        has_model: whether it has a file.
    """
    reason = tags.get("paretext.reason")
    parts = [tags.get("paretext.description", ""), f"{state.replace('_', ' ')}{f': {reason}' if reason else ''}"]
    if has_model:
        parts.append(f"Promote it: `paretext promote {study} --trial {number}`")
    return "\n\n".join(part for part in parts if part)


def _row(point: FrontPoint) -> str:
    tested = "" if point.test_accuracy is None else _with_interval(point.test_accuracy, point.test_interval)
    cells = (
        f"{point.trial}",
        _with_interval(point.accuracy, point.accuracy_interval),
        tested,
        f"{point.cer:.1%}",
        write_size(point.size_bytes),
    )
    return f"| {' | '.join(cells)} | {point.latency_ms:.2f} |"


def _with_interval(accuracy: float, interval: tuple[float, float] | None) -> str:
    """An accuracy and its 95 % confidence interval, both in percent."""
    return f"{accuracy:.1%}" + ("" if interval is None else f" {interval_words(*interval)}")
