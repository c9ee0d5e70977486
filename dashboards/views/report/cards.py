"""A card for each file on the front: what it is, what it reads, where its bytes are, and the commands that use it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from dashboards.views.accuracy_report import shown_symbol
from dashboards.views.console import accuracy_words, percent
from dashboards.views.report.axes import Axes
from dashboards.views.report.contents import Contents
from dashboards.views.report.drawing import draw, parts_of
from dashboards.views.report.readings import FileReadings, Readings
from search_space import write_size
from studies.storage.front_point import FrontPoint
from trainers.export.part_bytes import part_bytes

SHOWN_CONFUSIONS = 8
"""Pairs of characters on a card."""


@dataclass(frozen=True)
class Command:
    """A command, and what it does."""

    purpose: str
    words: str


@dataclass(frozen=True)
class Card:
    """What is shown of a file on the front.

    Attributes:
        trial: its number.
        title: its architecture in a few words.
        facts: name and value of what was measured.
        notes: sentences about it.
        drawing: the architecture as SVG.
        bytes: part of the file, its size, its share of the file.
        confusions: truth, reading, how often.
        readings: what it reads; None when that is not known.
        commands: that use it.
        across: its value of the first cost, as the chart has it.
        label: that value with its unit.
        up: its value of the first objective that training improves, turned so that more is better.
        summary: one line.
    """

    trial: int
    title: str
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str]
    drawing: Markup
    bytes: Sequence[tuple[str, str, str]]
    confusions: Sequence[tuple[str, str, int]]
    readings: FileReadings | None
    commands: Sequence[Command]
    across: float
    label: str
    up: float
    summary: str


def cards_of(contents: Contents, axes: Axes, readings: Readings) -> list[Card]:
    """The cards of the front, the cheapest first."""
    return [_card(point, contents, axes, readings) for point in sorted(contents.front, key=axes.across.of_point)]


def _card(point: FrontPoint, contents: Contents, axes: Axes, readings: Readings) -> Card:
    architecture, symbols = point.configuration.architecture, _symbols(point, contents, readings)
    sizes = part_bytes(architecture, symbols, point.size_bytes)
    read = readings.files.get(point.trial)
    up = axes.up.objective
    return Card(
        trial=point.trial,
        title=point.configuration.describe(),
        facts=_facts(point),
        notes=_notes(point, read),
        drawing=draw(parts_of(architecture, symbols, sizes), point.size_bytes),
        bytes=[(part, write_size(size), percent(size / point.size_bytes)) for part, size in sizes.items()],
        confusions=_confusions(read),
        readings=read,
        commands=_commands(point, contents),
        across=axes.across.of_point(point),
        label=axes.across.write(point),
        up=-up.to_minimize(up.measured(point)),
        summary=f"{axes.up.title} {axes.up.write(point)}, {axes.across.title} {axes.across.write(point)}",
    )


def _symbols(point: FrontPoint, contents: Contents, readings: Readings) -> int:
    """Characters that a file writes."""
    dataset = readings.datasets.get(int(point.architecture["height_px"]))
    return len(dataset.charset.symbols) if dataset is not None else max(1, contents.recorded("symbols"))


def _facts(point: FrontPoint) -> list[tuple[str, str]]:
    facts = [("validation lines", accuracy_words(point.accuracy, point.validation_lines))]
    if point.test_accuracy is not None:
        facts.append((f"{point.test_lines:,} test lines", accuracy_words(point.test_accuracy, point.test_lines)))
    facts += [
        ("wrong characters", f"{point.cer * 100:.2f} %"),
        ("file", write_size(point.size_bytes)),
        ("a line, one thread", f"{point.latency_ms:.2f} ms"),
        ("weights", f"{point.parameters:,}"),
    ]
    return facts if point.flops is None else [*facts, ("multiply-adds", f"{point.flops / 1e6:.1f} M")]


def _notes(point: FrontPoint, read: FileReadings | None) -> list[str]:
    notes = []
    if point.stage:
        notes.append(f"Exported {point.stage}.")
    if point.equal_to is not None:
        lines = f"{point.validation_lines:,} validation lines"
        test = f"exact McNemar test: p = {point.equal_p:.2g}"
        notes.append(f"The {lines} do not tell it apart from the next smaller file, of trial {point.equal_to} ({test}).")
    if read is not None and read.read < read.misread:
        notes.append(f"Confusions and errors are those of {read.read:,} of its {read.misread:,} misread lines.")
    return notes


def _confusions(read: FileReadings | None) -> list[tuple[str, str, int]]:
    """The most frequent confusions."""
    pairs = [] if read is None else read.confusions[:SHOWN_CONFUSIONS]
    return [(shown_symbol(pair.truth), shown_symbol(pair.reading), pair.count) for pair in pairs]


def _commands(point: FrontPoint, contents: Contents) -> list[Command]:
    """Commands as they work in the folder that the report is made in."""
    model, name = shlex.quote(_short_path(Path(point.model))), contents.name
    return [
        Command("read images with it", f"paretext predict IMAGE --model {model}"),
        Command("register it as the champion", f"paretext promote {name} --trial {point.trial}"),
        Command("test it on other lines", f"paretext test {model} --data LINES"),
        Command("train it further on your lines", f"paretext train --begin {model} --data LINES"),
    ]


def _short_path(path: Path) -> str:
    """A path relative to the present folder if it is below it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
