"""The lines of a study as a report shows them: how many, how long, which characters, what was left out, and a few images."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from dashboards.views.accuracy_report import shown_symbol
from dashboards.views.report.contents import Contents
from dashboards.views.report.readings import Readings, data_uri
from trainers.data.dataset import LineDataset

SHOWN_LINES = 6
"""Validation lines that are shown."""
SHOWN_RARE = 10
"""Rarest characters that are listed."""
RARE = 10
"""Occurrences in the training labels below which a character is called rare."""


@dataclass(frozen=True)
class DataPart:
    """The lines of a study.

    Attributes:
        facts: name and value.
        left_out: reason to how many lines were left out for it.
        rare: rarest characters of the training labels, with their counts.
        lines: label and image, as a data URI, of a few validation lines.
        notes: sentences about the lines.
    """

    facts: Sequence[tuple[str, str]]
    left_out: Sequence[tuple[str, int]]
    rare: Sequence[tuple[str, int]]
    lines: Sequence[tuple[str, str]]
    notes: Sequence[str]


def data_part(contents: Contents, readings: Readings) -> DataPart:
    """What is known of the lines: all of it if they could be opened, otherwise what was recorded."""
    facts = _recorded(contents, counted=not readings.datasets)
    if not readings.datasets:
        return DataPart(facts, [], [], [], readings.missing)
    dataset = next(iter(readings.datasets.values()))
    count = Counter(symbol for text in dataset.training.texts for symbol in text)
    rare = [(shown_symbol(symbol), number) for symbol, number in reversed(count.most_common()) if number < RARE]
    return DataPart(
        facts=[*facts, *_opened(dataset)],
        left_out=sorted(dataset.counts.items(), key=lambda item: -item[1]),
        rare=rare[:SHOWN_RARE],
        lines=_lines(dataset),
        notes=[*dataset.notes, *readings.missing],
    )


def _recorded(contents: Contents, counted: bool) -> list[tuple[str, str]]:
    """What the study has on record: its sources, and a digest for each input height, with counts if asked for."""
    data = contents.study.data
    facts = [("source", _source(data.source))]
    if data.validation is not None:
        facts.append(("validation source", _source(data.validation)))
    if data.test and data.test != "auto":
        facts.append(("test source", _source(data.test)))
    for height_px, known in contents.data.items():
        counts = f"{known['training']:,} training and {known['validation']:,} validation lines, {known['symbols']:,} characters"
        facts.append((f"digest at {height_px} px", f"{known['digest']}" + (f": {counts}" if counted else "")))
    tested = {point.test_lines for point in contents.front if point.test_lines}
    if tested:
        facts.append(("test lines", f"{max(tested):,}, not opened before the search ended"))
    return facts


def _source(source: str | list[str]) -> str:
    return source if isinstance(source, str) else json.dumps(source, ensure_ascii=False)


def _opened(dataset: LineDataset) -> list[tuple[str, str]]:
    lengths, widths = [len(text) for text in dataset.training.texts], dataset.training.widths
    own = f"{dataset.own_lines:,}" + (f", and {dataset.rendered_lines:,} drawn ones" if dataset.rendered_lines else "")
    return [
        ("training lines", own),
        ("validation lines", f"{len(dataset.validation):,}"),
        ("length of labels", f"{min(lengths)} to {max(lengths)} characters, median {median(lengths):g}"),
        ("width of images", f"{int(widths.min())} to {int(widths.max())} px at {dataset.spec.height_px} px height"),
        ("characters", " ".join(shown_symbol(s) for s in dataset.charset.symbols[:200])),
    ]


def _lines(dataset: LineDataset) -> list[tuple[str, str]]:
    lines = dataset.validation
    step = max(1, len(lines) // SHOWN_LINES)
    return [(lines.text(i), data_uri(lines.image(i))) for i in range(0, len(lines), step)[:SHOWN_LINES]]
