"""What is on a front, what is picked of it, and which neighbours the validation lines do not tell apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from studies.storage.front_point import FrontPoint
from studies.storage.pareto_front import pareto_front, pick, with_equals
from trainers.base.errors import UserError
from trainers.base.right_lines import RightLines


def point(
    trial: int, accuracy: float, size_bytes: int, cer: float = 0.1, training: int | None = None, **more: Any
) -> FrontPoint:
    fields = {"width_percent": trial if training is None else training}
    return FrontPoint(trial, accuracy, cer, size_bytes, 1.0, 100, fields, "m.onnx", **more)


def read(trial: int, right: list[int], lines: int = 100, digest: str = "d") -> FrontPoint:
    """A point that reads the lines of these numbers."""
    bits = RightLines.of(digest, [i in set(right) for i in range(lines)])
    return point(trial, len(right) / lines, 1_000 * (trial + 1), validation_lines=lines, right_lines=bits)


def test_what_does_not_read_is_not_on_the_front_however_small() -> None:
    small, good = point(0, 0.0, 10, cer=0.97), point(1, 0.9, 1_000)
    assert pareto_front([small, good]) == [good]
    assert pareto_front([small]) == []


def test_a_file_that_does_not_read_beats_nothing() -> None:
    """No line is right in either, but one has most characters right."""
    nothing, something = point(0, 0.0, 10, cer=1.0), point(1, 0.0, 1_000, cer=0.4)
    assert pareto_front([nothing, something]) == [something]


def test_what_does_not_read_is_not_picked() -> None:
    small, good = point(0, 0.0, 10, cer=0.97), point(1, 0.9, 1_000)
    assert pick([small, good]) == pick([small, good], trial=1) == good
    with pytest.raises(UserError, match=r"trial 0 of x does not read \(97.0% of characters wrong\); on the front are 1"):
        pick([small, good], trial=0, name="x")
    with pytest.raises(UserError, match="its smallest takes 1000 bytes"):
        pick([small, good], size_limit_bytes=500)
    for chosen in ({}, {"trial": 0}, {"size_limit_bytes": 500}):
        with pytest.raises(UserError, match=r"x: nothing reads yet; the best, trial 0, has 97\.0% of characters wrong"):
            pick([small], name="x", **chosen)


def test_neighbours_that_the_lines_do_not_tell_apart_are_equal() -> None:
    worst, better, best = read(0, list(range(80))), read(1, list(range(83))), read(2, list(range(95)))
    marked = with_equals([worst, better, best])
    assert [p.equal_to for p in marked] == [None, 0, None]
    assert marked[1].equal_p == pytest.approx(0.25), "three lines more: 2 / 2^3"
    assert [replace(p, equal_to=None, equal_p=None) for p in marked] == [worst, better, best]


def test_one_that_reads_others_is_compared_line_by_line() -> None:
    """Both read 50 of 100 lines, none the same: as good as each other."""
    assert read(0, list(range(50))).same_as(read(1, list(range(50, 100)))) == 1.0


def test_other_lines_or_none_on_record_leave_no_mark() -> None:
    known, of_other_lines = read(0, list(range(80))), read(1, list(range(80)), digest="e")
    old = point(2, 0.8, 3_000)
    assert [p.equal_to for p in with_equals([known, of_other_lines, old])] == [None, None, None]
    assert with_equals([]) == []


def test_a_script_gets_the_interval_but_not_the_lines() -> None:
    values = read(0, list(range(80))).as_dict()
    assert values["accuracy_low"] < 0.8 < values["accuracy_high"] and values["validation_lines"] == 100
    assert values["equal_to"] is None and "right_lines" not in values
    old = point(2, 0.8, 3_000).as_dict()
    assert old["accuracy_low"] is old["accuracy_high"] is None


def test_a_checkpoint_knows_how_far_it_was_trained() -> None:
    assert point(0, 0.9, 10, epochs_trained=9, epochs=40).is_checkpoint
    assert not point(0, 0.9, 10, epochs_trained=40, epochs=40).is_checkpoint and not point(0, 0.9, 10).is_checkpoint


def test_of_files_of_a_training_that_cost_the_same_only_the_best_is_listed() -> None:
    after_1, after_9, finished = (point(n, 0.7 + n / 10, 18_800 + 20 * n, training=7) for n in range(3))
    larger, other = point(3, 0.95, 25_000, training=7), point(4, 0.75, 18_810)
    assert pareto_front([after_1, after_9, finished, larger, other]) == [other, finished, larger]
    assert pick([after_1, after_9, finished], size_limit_bytes=18_805) == after_1, "it can still be chosen"


def test_a_finished_file_replaces_the_one_of_before_unless_it_is_shown_to_read_worse() -> None:
    def file(trial: int, right: int, finish_lines: int | None = None, epochs: int = 6) -> FrontPoint:
        fields = {"width_percent": 25}
        made = replace(read(trial, list(range(right))), architecture=fields, size_bytes=18_800 + trial)
        return replace(made, finish_lines=finish_lines, epochs_trained=epochs)

    lucky, finished = file(0, 83), file(1, 81, finish_lines=2000)
    assert pareto_front([lucky, finished]) == [finished] and pick([lucky, finished]) == finished
    assert pick([lucky, finished], trial=0) == lucky, "it can still be asked for"
    better = file(2, 95)
    assert pareto_front([better, finished])[-1] == better and pick([better, finished]) == better
    later = file(3, 83, epochs=9)
    assert pareto_front([finished, later]) == [later], "a finish of epoch 6 says nothing of epoch 9"
    unread = replace(finished, cer=0.9)
    assert pareto_front([lucky, unread]) == [lucky]


def test_a_file_that_is_replaced_lets_no_worse_one_in() -> None:
    replaced, finished, worse = point(0, 0.8, 18_800, training=7), point(1, 0.9, 18_820, training=7), point(2, 0.5, 18_801)
    assert pareto_front([replaced, finished, worse]) == [finished]
