"""The live table as an SVG: valid XML, with the rows of the chosen moment, and no text outside the picture."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dashboards.views.live_table_svg import COLUMNS, Replay
from search_space import Architecture
from studies.definition.configuration import Configuration
from studies.objectives.catalog import DEFAULT, objectives_of
from studies.run.observer import SilentObserver, StudyFacts
from studies.run.study_log import StudyLog, read_log
from studies.storage.outcomes import Measured, Running, Stopped
from studies.storage.stored_trial import StoredTrial
from trainers.base.candidate import Measurement
from trainers.base.errors import UserError
from trainers.base.progress import EpochReport

EPOCHS = 9
SVG = "{http://www.w3.org/2000/svg}"
SECONDS = 10
"""Seconds between two events of the log."""
LONG = Architecture(
    encoder_layers=2, encoder_hidden=96, neck="fpn_d", attention="coordinate", head="ctc_low_rank", head_rank=32
)
"""Its description is wider than its column."""
MEASURED = Measurement(0.875, 0.03, 86_500, 1.5, 20_000, 500)
KNOWN = {
    trial.number: trial
    for trial in (
        StoredTrial.of(0, {}, Architecture(width_percent=25), None, Measured(MEASURED, Path("m.onnx"), EPOCHS)),
        StoredTrial.of(1, {}, LONG, None, Stopped(3, "not among the best at <epoch> 3 & slow")),
        StoredTrial.of(2, {}, Architecture(width_percent=100), None, Running()),
    )
}


def test_a_search_that_is_refused_before_it_starts_leaves_no_log(tmp_path: Path) -> None:
    file = tmp_path / "s" / "log.jsonl"
    with pytest.raises(UserError), StudyLog(file, SilentObserver()) as log:
        log.note("the lines have changed")
        raise UserError("refused")
    assert not file.parent.exists()
    facts = StudyFacts("s", 3, 0, False, EPOCHS, 100, 50, 10, (), None, None, 2, objectives_of(DEFAULT))
    with StudyLog(file, SilentObserver()) as log:
        log.note("first")
        log.study_started(facts)
    with pytest.raises(UserError), StudyLog(file, SilentObserver()) as log:
        raise UserError("refused the second time")
    assert [event["event"] for event in read_log(file)] == ["note", "run starts", "run breaks off"]


@pytest.fixture
def events(tmp_path: Path) -> list[dict[str, Any]]:
    """The log of a search: one trial is measured, one pauses and is stopped, one trains."""
    file = tmp_path / "log.jsonl"
    with StudyLog(file, SilentObserver()) as log:
        log.study_started(StudyFacts("s", 3, 0, False, EPOCHS, 100, 50, 10, (), None, None, 2, objectives_of(DEFAULT)))
        for number in (0, 1):
            log.trial_started(number, Configuration(architecture_of(number)), 90_000 * (number + 1))
        log.trial_progress(0, EpochReport(EPOCHS, EPOCHS, 0.5, 0.86, 0.04, 2.0))
        log.trial_progress(1, EpochReport(3, EPOCHS, 1.5, 0.125, 0.5, 2.0))
        log.trial_paused(1, 3)
        log.trial_closed(KNOWN[0])
        log.trial_started(2, Configuration(architecture_of(2)), 1_570_000)
        log.trial_closed(KNOWN[1])
    began = datetime(2026, 1, 1, tzinfo=UTC)
    return [event | {"at": (began + timedelta(seconds=SECONDS * i)).isoformat()} for i, event in enumerate(read_log(file))]


def architecture_of(number: int) -> Architecture:
    architecture = KNOWN[number].architecture
    assert architecture is not None
    return architecture


def drawn(events: list[dict[str, Any]], seconds: float) -> ElementTree.Element:
    replay = Replay(events, KNOWN, EPOCHS)
    replay.until(seconds)
    return ElementTree.fromstring(replay.console.export_svg(title="paretext search"))


def lines_of(picture: ElementTree.Element) -> list[str]:
    """The lines of the terminal from top to bottom, each with its texts at their columns."""
    lines: dict[float, str] = {}
    for text in picture.iter(f"{SVG}text"):
        if words := words_of(text):
            y, column_px = float(text.attrib["y"]), float(text.attrib["textLength"]) / len(words)
            lines[y] = lines.get(y, "").ljust(round(float(text.attrib["x"]) / column_px)) + words
    return [lines[y].rstrip() for y in sorted(lines)]


def words_of(text: ElementTree.Element) -> str:
    """The words of an element of the terminal; empty for blanks and for the title of the window."""
    words = "".join(text.itertext()).replace("\N{NO-BREAK SPACE}", " ")
    return words if "textLength" in text.attrib and words.strip() else ""


def test_it_shows_the_search_as_it_was_at_that_moment(events: list[dict[str, Any]]) -> None:
    prompt, heading, *rows, progress, counts = lines_of(drawn(events, 5.5 * SECONDS))
    assert prompt == "$ paretext search"
    assert heading.split() == [
        "trial",
        "architecture",
        "stored",
        "epoch",
        "CER",
        "accuracy",
        "size",
        "s/epoch",
        "worker",
        "state",
    ]
    assert [row.split()[0] for row in rows] == ["1", "0"], "trainings under way are below the others"
    assert re.search(r" 3/9 +▇ +50.0 % +12.5 % +180KB +2.0 +paused$", rows[0])
    assert re.search(r" 9/9 +▄ +4.0 % +86.0 % +90.0KB +2.0 +exporting$", rows[1])
    assert progress.endswith(" 0 of 3 trained, 55s, about 1m50s left") and counts == "2 trials: 1 training, 1 paused"


def test_it_shows_how_trials_have_ended(events: list[dict[str, Any]]) -> None:
    _, _, *lines = lines_of(drawn(events, 100.0 * SECONDS))
    of_trial = {line.split()[0]: line[: COLUMNS - 34] for line in lines[:3]}
    assert re.search(r" 9/9 +▄ +3.0 % +87.5 % +86.5KB +[\d.]+ +on the front", of_trial["0"])
    assert re.search(r"fpn_d coo… +fp32 .* stopped: not among t…", of_trial["1"]), "long texts are cut"
    assert re.search(r" 0/9 +1.57MB +training", of_trial["2"])
    assert any(line.endswith(" 2 of 3 trained, 16m40s, about 8m20s left") for line in lines)
    assert lines[-1] == "3 trials: 2 trained, 1 training" and "accuracy against size" in "".join(
        lines_of(drawn(events, 100.0 * SECONDS))
    )


@pytest.mark.parametrize("events_played", range(1, 9))
def test_no_text_leaves_the_picture(events: list[dict[str, Any]], events_played: int) -> None:
    picture = drawn(events, (events_played + 0.5) * SECONDS)
    assert max(map(len, lines_of(picture))) <= COLUMNS
    (window,) = (rect for rect in picture.findall(f"{SVG}rect") if rect.get("rx"))
    columns_px = max(
        float(text.attrib["x"]) + float(text.attrib["textLength"]) for text in picture.iter(f"{SVG}text") if words_of(text)
    )
    assert columns_px <= float(window.attrib["width"]) <= float(picture.attrib["viewBox"].split()[2])
