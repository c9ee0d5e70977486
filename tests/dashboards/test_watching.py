"""The output of a search: a live table on a terminal, plain lines elsewhere, the same facts in both."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.views.progress_lines import ProgressLines, conclusion, introduction
from search_space import Architecture
from studies.definition.configuration import Configuration
from studies.objectives.catalog import objectives_of
from studies.run.observer import Summary
from studies.storage.outcomes import CheckpointOf, Measured, OverLimit, PrecisionVariantOf, Stopped
from studies.storage.pareto_front import load_store
from studies.workspace.paths import Workspace
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import HALVING, run_search, study
from tests.dashboards.watched_search import FACTS, complete, drawn, ended, measured, on_a_terminal, play
from trainers.base.candidate import Measurement
from trainers.base.progress import EpochReport


def test_the_table_shows_trials_epochs_accuracy_size_and_state() -> None:
    table, console = on_a_terminal()
    play(table)
    lines = drawn(table, console).splitlines()
    heading = ["trial", "architecture", "stored", "epoch", "CER", "accuracy", "size", "s/epoch", "worker", "state"]
    assert lines[0].split() == heading
    assert re.search(r"5 +mbv3_small 25% gru2x48 +fp32 +10/10 +2.0 % +90.0 % +410KB +on the front", lines[1])
    assert re.search(r"7 +mbv3_small 100% gru2x48 +fp32 +0/10 +1.50MB +failed: nan: the loss", lines[2])
    assert re.search(r"8 +mbv3_small 100% gru2x48 +fp32 +5/10 +▆ +20.0 % +45.7 % +1.50MB +1.0 +2 +training, 5s left", lines[3])
    assert "3 of 4 trained" in lines[4] and "left" in lines[4]
    assert lines[5].strip() == "best: accuracy 90.0 % (87.1-92.3), 410KB (trial 5)"
    assert lines[6].startswith("front: 1 file, grew last with trial 5")


@pytest.mark.parametrize(
    ("begin", "inherit", "line"),
    [
        ("random", "never", None),
        ("starter", "never", "new networks begin with the starter weights of the package (--begin random: with random ones)"),
        (
            "models:/r/1",
            "end",
            "with the weights of models:/r/1, in the last quarter also with those of earlier trainings of the",
        ),
        ("random", "always", "(--inherit never: with random ones)"),
        ("starter", "always", "where these are worth more (--begin random --inherit never: with random ones)"),
    ],
)
def test_what_new_networks_begin_with_is_said_before_the_first(begin: str, inherit: str, line: str | None) -> None:
    lines = [each for each in introduction(replace(FACTS, begin=begin, inherit=inherit)) if "begin with" in each]
    assert not lines if line is None else len(lines) == 1 and line in lines[0]


def test_the_counts_add_up_to_all_trials() -> None:
    """Refused ones and other precisions take numbers, which is why trial 14 is not the 15th that was trained."""
    table, console = on_a_terminal()
    play(table)
    counts = drawn(table, console).splitlines()[-1]
    assert counts == "6 trials: 2 of earlier runs, 2 trained, 1 training, 1 over a limit"
    total, *parts = map(int, re.findall(r"[0-9]+", counts))
    assert total == sum(parts)


def test_the_counts_of_every_run_of_a_search_are_those_of_its_study(tmp_path: Path) -> None:
    workspace, space = Workspace(tmp_path), HALVING["space"] | {"precision": ["fp32", "int8"]}
    for trials in (6, 12):
        table, console = on_a_terminal()
        asked = study(**HALVING | {"space": space, "budget": {"trials": trials, "epochs": 9}})
        with table:
            run_search(asked, workspace, table, ScriptedEngine())
        counts = drawn(table, console).splitlines()[-1]
        total, *parts = map(int, re.findall(r"[0-9]+", counts))
        assert total == sum(parts) == len(load_store(workspace, "s").stored_trials())
        assert ("of earlier runs" in counts) == (trials == 12) and "training" not in counts.replace("trained", "")


def test_the_files_of_earlier_runs_are_on_the_front() -> None:
    table, console = on_a_terminal()
    table.study_started(replace(FACTS, measured=(measured(0.95, 300_000),)))
    table.trial_started(5, Configuration(Architecture()), 400_000)
    table.trial_closed(ended(5, Architecture(), complete(0.9, 410_000)))
    shown = drawn(table, console)
    assert "dominated" in shown and "best: accuracy 95.0 % (92.7-96.6), 300KB" in shown


@pytest.mark.parametrize("width", [60, 80, 116, 120, 152, 180])
def test_no_width_cuts_the_precision_or_wraps_a_line(width: int) -> None:
    table, console = on_a_terminal(width)
    play(table)
    long = Architecture(encoder_layers=2, encoder_hidden=96, neck="fpn_d", attention="coordinate", precision="int8")
    table.trial_started(9, Configuration(long), 1_500_000)
    lines = drawn(table, console).splitlines()
    assert all(len(line.rstrip()) <= width for line in lines)
    rows = [line.split() for line in lines[1:5]]
    assert [row[0] for row in rows] == ["5", "7", "8", "9"]
    assert [sum(word in ("fp32", "int8") for word in row) for row in rows] == [1] * 4 and "int8" in rows[3]
    assert ("●" in "".join(lines)) == (width >= 152)
    assert all(("s/epoch" in lines[0], "worker" in lines[0])) == (width >= 116), "the plot takes no column of the table"


def test_a_training_shows_what_it_has_reached_and_not_the_file_exported_on_the_way() -> None:
    table, console = on_a_terminal()
    play(table)
    exported = CheckpointOf(8, measured(0.3, 1_400_000, cer=0.3), Path("m.onnx"), 3)
    table.trial_closed(ended(9, Architecture(width_percent=100), exported))
    assert re.search(r"8 .* 5/10 .* 20.0 % +45.7 % +1.50MB .*training, 5s left", drawn(table, console))
    table.trial_closed(ended(8, Architecture(width_percent=100), Stopped(5, "not among the best")))
    assert re.search(r"8 .* 3/10 .* 30.0 % +30.0 % +1.40MB .*dominated", drawn(table, console))


def test_a_search_that_breaks_off_leaves_a_table_in_which_nothing_trains() -> None:
    table, console = on_a_terminal()
    with pytest.raises(RuntimeError), table:
        play(table)
        raise RuntimeError
    assert "interrupted" in drawn(table, console) and "training," not in drawn(table, console)


def test_what_shares_a_training_shares_its_line_and_is_no_trial_done() -> None:
    stored = Architecture(width_percent=25, precision="int8")
    outcome = PrecisionVariantOf(5, measured(0.89, 110_000), Path("m.onnx"), "the training of trial 5, stored as int8")
    record = ended(9, stored, outcome)
    table, console = on_a_terminal()
    play(table)
    table.trial_closed(record)
    lines = drawn(table, console)
    assert re.search(r"5 +mbv3_small 25% gru2x48 +fp32 +10/10 +2.0 % +90.0 % +410KB +on the front, int8 too", lines)
    assert "3 of 4 trained" in lines and "1 stored in another precision" in lines and not re.search(r"^ *9 ", lines, re.M)
    table.trial_closed(ended(10, stored.with_(precision="int4"), PrecisionVariantOf(5, measured(0.9, 60_000), Path("m"), "")))
    assert re.search(r"5 +mbv3_small 25% gru2x48 +int4 +10/10 +2.0 % +90.0 % +60.0KB +on the front", drawn(table, console))
    output = io.StringIO()
    plain = ProgressLines(output)
    plain.study_started(FACTS)
    plain.trial_closed(record)
    assert "trial 9: the training of trial 5, stored as int8: accuracy 89.0 %" in output.getvalue()


def test_a_candidate_that_another_beats_is_no_longer_on_the_front() -> None:
    table, console = on_a_terminal()
    play(table)
    table.trial_closed(ended(8, Architecture(), complete(0.95, 300_000)))
    shown = drawn(table, console)
    assert re.search(r"410KB +dominated", shown)
    assert re.search(r"300KB +1.0 +on the front", shown)


def test_what_does_not_read_is_not_on_the_front() -> None:
    """However small it is; neither the table nor the plain lines name it as the best."""
    unread, stream = Measured(measured(0.0, 1_000, cer=0.97), Path("m.onnx"), 10), io.StringIO()
    table, console = on_a_terminal()
    with ProgressLines(stream) as lines:
        for watcher in (table, lines):
            watcher.study_started(FACTS)
            watcher.trial_started(9, Configuration(Architecture()), 1_000)
            watcher.trial_closed(ended(9, Architecture(), unread))
            watcher.study_finished(Summary(2, 4, 60.0, "time is up"))
    shown = drawn(table, console)
    assert "does not read" in shown and "on the front" not in shown
    for text in (shown, stream.getvalue()):
        assert "time is up: 2 of 4 trials, 1m" in text and "best accuracy" not in text
    assert "it does not read" in stream.getvalue()


def states_under(objectives: list[str], measurements: list[Measurement]) -> list[str]:
    """What the table says of candidates, and its columns, where these are the study's objectives."""
    table, console = on_a_terminal()
    table.study_started(replace(FACTS, objectives=objectives_of(objectives)))
    for number, measurement in enumerate(measurements):
        table.trial_started(number, Configuration(Architecture()), 1_000)
        table.trial_closed(ended(number, Architecture(), Measured(measurement, Path("m.onnx"), 10)))
    heading, *rows = drawn(table, console).splitlines()
    return [" ".join(heading.split()), *(re.split(r"  +", row.strip())[-1] for row in rows[: len(measurements)])]


def test_the_front_is_that_of_the_objectives_of_the_study() -> None:
    small_but_slow = measured(0.9, 100_000, cer=0.03, latency_ms=4.0, flops=90_000_000)
    large_but_quick = measured(0.8, 900_000, cer=0.02, latency_ms=1.0, flops=80_000_000)
    candidates = [small_but_slow, large_but_quick]
    assert states_under(["accuracy", "size"], candidates) == [
        "trial architecture stored epoch CER accuracy size s/epoch worker state",
        "on the front",
        "dominated",
    ]
    assert states_under(["cer", "latency"], candidates) == [
        "trial architecture stored epoch CER latency s/epoch worker state",
        "dominated",
        "on the front",
    ]
    in_all_three = states_under(["cer", "size", "flops"], candidates)
    assert in_all_three == [
        "trial architecture stored epoch CER size MFLOPs s/epoch worker state",
        "on the front",
        "on the front",
    ]


def test_a_trained_file_over_a_limit_counts_as_a_trial() -> None:
    over = OverLimit("its file exceeds a limit", 0.2, measured(0.99, 12_000_000), 10)
    table, console = on_a_terminal()
    play(table)
    table.trial_closed(ended(8, Architecture(), over))
    shown = drawn(table, console)
    assert "over a limit: its file" in shown and "4 of 4 trained" in shown
    assert re.search(r"5 .* on the front", shown), "what exceeds a limit is not on the front"


def test_the_table_fits_a_small_terminal_and_keeps_what_is_under_way() -> None:
    table, console = on_a_terminal(width=60, height=12)
    table.study_started(FACTS)
    for number in range(40):
        table.trial_started(number, Configuration(Architecture()), 1_000)
        if number < 38:
            table.trial_closed(ended(number, Architecture(), complete(0.5, 1_000)))
    lines = drawn(table, console).splitlines()
    assert len(lines) < 12
    assert all(len(line) <= 60 for line in lines)
    numbers = [int(line[:5]) for line in lines[1:] if line[:5].strip().isdigit()]
    assert numbers[-2:] == [38, 39] and f"{40 - len(numbers)} earlier ones: paretext trials plates" in "".join(lines)


def test_the_terminal_is_left_in_order_and_the_end_is_said() -> None:
    table, console = on_a_terminal()
    with pytest.raises(KeyboardInterrupt), table:
        play(table)
        raise KeyboardInterrupt
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor, hidden and shown again
    assert "resumes: 1 of 4 trials are done" in text

    table, console = on_a_terminal()
    with table:
        play(table)
        table.study_finished(Summary(4, 4, 190.0, "all trials done"))
    assert isinstance(console.file, io.StringIO)
    assert "all trials done: 4 of 4 trials, 3m10s" in console.file.getvalue()


def test_plain_lines_tell_the_same_without_a_terminal() -> None:
    stream = io.StringIO()
    with ProgressLines(stream) as lines:
        play(lines)
        lines.study_finished(Summary(4, 4, 190.0, "time is up"))
    text = stream.getvalue()
    assert "\x1b" not in text
    for line in (
        "study 'plates' resumes: 1 of 4 trials are done",
        "2,000 training lines and 500 validation lines, 10 symbols; no file over 10.0MB",
        "7 lines are left out:",
        "  and 2 more",
        "trial 5 starts: mbv3_small 25% gru2x48, about 400KB",
        "trial 5 complete (2 of 4): accuracy 90.0 % (87.1-92.3), CER 2.0 %, 410KB, 1.25 ms; on the front, which has 1",
        "trial 7 failed (3 of 4): nan: the loss is not finite",
        "MLflow cannot be written",
        "not trained: 1 over a limit",
        "time is up: 4 of 4 trials, 3m10s; best accuracy 90.0 % (87.1-92.3), 410KB",
    ):
        assert line in text


def test_plain_lines_say_nothing_of_pauses() -> None:
    stream = io.StringIO()
    with ProgressLines(stream) as lines:
        play(lines)
        said = stream.getvalue()
        lines.trial_paused(8, 5)
        lines.trial_started(8, Configuration(Architecture()), 1_500_000)
        lines.trial_progress(8, EpochReport(epoch=6, epochs=10, loss=1.0, accuracy=0.5, cer=0.2, seconds=1.0))
    assert stream.getvalue() == said


def test_the_best_is_that_of_the_objectives_of_the_study() -> None:
    quick, right = measured(0.8, 900_000, cer=0.01, latency_ms=1.0), measured(0.9, 100_000, cer=0.03, latency_ms=4.0)
    ending = conclusion(Summary(2, 2, 1.0, "all trials done"), [right, quick], objectives_of(["cer", "latency"]))
    assert ending.endswith("best CER 1.0 %, 1.00 ms")


def test_before_the_first_trial_headings_are_whole_and_the_count_has_no_colon() -> None:
    table, console = on_a_terminal(80)
    table.study_started(replace(FACTS, recorded=0, finished=0))
    lines = drawn(table, console).splitlines()
    assert lines[0].split() == ["trial", "architecture", "stored", "state"] and lines[-1] == "0 trials"
