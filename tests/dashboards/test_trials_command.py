"""Every trial is listed, with what it is and why it ended, as text, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.views.trial_list import TrialRow, trial_lines, write_csv
from search_space import Architecture
from studies.storage.outcomes import Running
from studies.storage.stored_trial import StoredTrial
from testing.command_runs import Commands
from tests.dashboards.conftest import FRONT_TRIALS
from trainers.base.lineage import Ancestor, Lineage


def test_every_trial_has_a_line_and_those_of_the_front_a_mark(paretext: Commands) -> None:
    answer = paretext("trials", "plates")
    heading, *lines, counts = answer.out.splitlines()
    assert answer.code == 0 and heading.split()[:6] == ["trial", "state", "epochs", "CER", "accuracy", "size"]
    assert [int(line.split()[0].rstrip("*")) for line in lines] == [0, 1, 2, 3, 4]
    assert [int(line.split("*")[0]) for line in lines if "*" in line] == FRONT_TRIALS
    assert lines[3].split()[1:7] == ["complete", "40/40", "10.0", "%", "90.0", "%"]
    assert lines[3].endswith("mbv3_small 100% gru2x48")
    assert lines[4].split() == ["4", "over", "a", "limit", "width_percent=100;", "too", "big"]
    assert counts == "5 trials: 4 complete, 1 over a limit; * 3 on the front"


def test_the_json_has_every_trial_and_its_reason(paretext: Commands) -> None:
    rows = json.loads(paretext("trials", "plates", "--json").out)
    assert [row["trial"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["on_front"] for row in rows] == [number in FRONT_TRIALS for number in range(5)]
    assert rows[4]["reason"] == "too big" and rows[4]["architecture"] is None and rows[4]["cer"] is None
    assert rows[0]["architecture"]["width_percent"] == 25
    front = json.loads(paretext("front", "plates", "--json").out)
    assert {row["model"] for row in rows if row["on_front"]} == {point["model"] for point in front}
    assert all(Path(row["model"]).is_absolute() for row in rows if row["model"] is not None)
    assert json.loads(paretext("trials", "empty", "--json").out) == []


def test_the_csv_has_a_column_for_each_field_of_the_architecture(paretext: Commands) -> None:
    rows = list(csv.DictReader(io.StringIO(paretext("trials", "plates", "--csv").out)))
    assert [row["width_percent"] for row in rows] == ["25", "50", "75", "100", ""]
    assert [row["reason"] for row in rows] == ["", "", "", "", "too big"]
    assert [row["accuracy"] for row in rows] == ["0.5", "0.75", "0.7", "0.9", ""]


def test_a_study_without_a_trial_says_so(paretext: Commands) -> None:
    answer = paretext("trials", "empty")
    assert (answer.code, answer.out) == (0, "") and "study 'empty' has no trial yet" in answer.err


ROW = TrialRow(
    trial=12,
    state="stopped",
    what="mbv3_small 100% fpn_a coord svtr1x96 int8",
    reason="CER 41.2 % after 3 epochs: no gain expected",
    epochs_trained=3,
    epochs=40,
    cer=0.412,
    accuracy=0.1,
    validation_lines=None,
    size_bytes=None,
    estimated_bytes=384_000,
    latency_ms=None,
    on_front=False,
    model=None,
    architecture=None,
)


def test_what_a_training_began_with_and_its_recipe_are_shown() -> None:
    architecture, recipe = Architecture(width_percent=25), {"learning_rate": 0.003}
    trial = StoredTrial(0, {}, Running(), architecture.as_dict(), architecture.digest, recipe=recipe)
    lineage = Lineage.of(0.964, Ancestor("trial 7", None, 14, 28_000))
    row = TrialRow.of(trial.inheriting(lineage), 40, False)
    assert list(trial_lines([row], None))[1].endswith("mbv3_small 25% gru2x48 lr 0.003; 96 % from trial 7")
    assert row.as_dict()["recipe"] == recipe
    written = io.StringIO()
    write_csv([row, ROW], written)
    first, other = csv.DictReader(io.StringIO(written.getvalue()))
    assert (first["parent"], first["inherited_share"], first["lineage_epochs"]) == ("trial 7", "0.964", "14")
    assert (first["width_percent"], first["recipe.learning_rate"]) == ("25", "0.003")
    assert (other["parent"], other["width_percent"], other["recipe.learning_rate"]) == ("", "", "")


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_lines_keep_within_the_terminal_and_lose_no_word(width: int) -> None:
    measured = replace(ROW, trial=13, on_front=True, reason="", accuracy=1.0, validation_lines=60, size_bytes=384_000)
    rows = [ROW, measured]
    lines = list(trial_lines(rows, width))
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    assert words.count("svtr1x96") == 2 and {"expected", "~384KB", "384KB", "3/40", "41.2"} <= set(words)
    assert {"100.0", "(94.0-100.0)"} <= set(words)
