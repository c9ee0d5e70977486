"""What is refused, and that each refusal says what to do instead."""

from __future__ import annotations

from typing import Any

import pytest

from search_space import Architecture, RefusedArchitecture
from search_space.rules import CHOICES, RANGES, own_reasons


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"time_stride": 12}, "time_stride 12 needs height_px 48"),
        ({"time_stride": 12, "height_px": 64}, "time_stride 12 needs height_px 48"),
        ({"prune_percent": 50}, "prune_percent 50 needs a prune_criterion: one of l1, l2, fpgm, eagleeye"),
        ({"auxiliary": "super_resolution"}, "auxiliary super_resolution needs a neck"),
        ({"auxiliary": "super_resolution", "neck": "fpn_a", "rectifier": "tps"}, "needs rectifier none"),
        ({"auxiliary": "attention_guide", "head": "attention", "head_rank": 32}, "goes with head ctc or ctc_low_rank"),
    ],
)
def test_combinations_that_cannot_be_built_are_refused_with_the_reason(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedArchitecture, match=reason):
        Architecture(**values)


@pytest.mark.parametrize("field", list(RANGES))
def test_ranges_hold_at_their_ends_and_not_beyond(field: str) -> None:
    low, high = RANGES[field]
    assert [list(own_reasons(field, value)) for value in (low, high)] == [[], []]
    for value in (low - 1, high + 1, float(low), True, str(low), None):
        assert list(own_reasons(field, value)) == [f"{field} must be a whole number from {low} to {high}, not {value!r}"]


@pytest.mark.parametrize("field", list(CHOICES))
def test_other_than_the_choices_is_refused(field: str) -> None:
    for choice in CHOICES[field]:
        assert list(own_reasons(field, choice)) == []
    for value in ("fp23", 33, True):
        assert all(f"{field} must be one of" in reason for reason in own_reasons(field, value))
        assert list(own_reasons(field, value))


def test_a_misspelt_choice_is_answered_with_the_nearest_one() -> None:
    assert "did you mean 'fp32'?" in next(own_reasons("precision", "fp23"))


@pytest.mark.parametrize("value", [None, 3, ("gru",)])
def test_a_component_is_asked_for_by_name(value: object) -> None:
    assert list(own_reasons("encoder", value)) == [f"encoder must be a name, not {value!r}"]


def test_fields_without_effect_are_not_held_to_their_ranges() -> None:
    assert Architecture(encoder="none", encoder_hidden=0, encoder_layers=0).encoder_hidden == 0
    assert Architecture(head="ctc", head_rank=-3).head_rank == 0
    with pytest.raises(RefusedArchitecture, match="head_rank must be a whole number"):
        Architecture(head="ctc_low_rank")
