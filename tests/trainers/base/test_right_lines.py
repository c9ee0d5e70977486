"""One bit a line: packed, sent as JSON, unpacked, compared."""

from __future__ import annotations

import json
from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from trainers.base.candidate import Measurement
from trainers.base.right_lines import RightLines


@given(st.lists(st.booleans(), min_size=1, max_size=70))
def test_what_is_packed_is_unpacked(right: list[bool]) -> None:
    packed = RightLines.of("d", right)
    assert RightLines(**json.loads(json.dumps(asdict(packed)))) == packed
    assert packed.unpacked() == right


def test_a_thousand_lines_take_some_170_letters() -> None:
    assert len(RightLines.of("d", [True] * 1_000).bits) < 170


def test_only_equal_sets_are_compared() -> None:
    first, second = RightLines.of("d", [True, True, False, True]), RightLines.of("d", [True, False, True, False])
    assert first.differences(second) == (2, 1) and second.differences(first) == (1, 2)
    assert first.differences(RightLines.of("e", [True] * 4)) is None
    assert first.differences(RightLines.of("d", [True] * 5)) is None


def test_a_measurement_is_the_same_after_json_with_and_without_its_lines() -> None:
    without = Measurement(0.5, 0.2, 1_000, 1.0, 250, 4, 9_000)
    with_lines = Measurement(0.5, 0.2, 1_000, 1.0, 250, 4, 9_000, RightLines.of("d", [True, False, True, False]))
    for measured in (without, with_lines):
        assert Measurement.from_dict(json.loads(json.dumps(measured.as_dict()))) == measured
    assert "right_lines" not in without.as_dict()
