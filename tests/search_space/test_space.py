"""Search spaces: what may be open, and how a point is drawn."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from search_space import Architecture, RefusedArchitecture, SearchSpace
from search_space.space import Choice

SPACE = SearchSpace(
    {
        "encoder_hidden": (32, 48, 96),
        "neck": ("none", "fpn_a", "fpn_d"),
        "backbone": ("mobilenetv3_small",),
        "time_stride": (4, 12),
    }
)


def test_open_fields_come_in_declaration_order_whatever_the_writing() -> None:
    assert SPACE.open_fields == ["neck", "encoder_hidden", "time_stride"]
    assert SPACE.size == 18


def test_every_open_field_is_asked_for_once_even_if_the_point_is_refused() -> None:
    asked: list[str] = []

    def last(field: str, choices: Sequence[Choice]) -> Choice:
        asked.append(field)
        return choices[-1]

    with pytest.raises(RefusedArchitecture, match="time_stride 12 needs height_px 48"):
        SPACE.sample(last)
    assert asked == SPACE.open_fields


def test_what_is_drawn_is_built_of_the_choices_and_of_defaults() -> None:
    architecture = SPACE.sample(lambda field, choices: choices[0])
    assert architecture == Architecture(neck="none", encoder_hidden=32)


def test_drawn_points_stay_inside() -> None:
    draw = random.Random(0)
    for _ in range(50):
        try:
            architecture = SPACE.sample(lambda field, choices: draw.choice(choices))
        except RefusedArchitecture:
            continue
        assert all(getattr(architecture, field) in values for field, values in SPACE.choices.items())


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ValueError) as refusal:
        SearchSpace(
            {"neckk": ("none",), "pooling": (), "encoder": ("gru", "gru"), "width_percent": (50, 500), "head": ("ctcc",)}
        )
    message = str(refusal.value)
    for part in (
        "no field 'neckk'; did you mean 'neck'?",
        "space.pooling lists no value",
        "space.encoder lists a value twice",
        "space.width_percent: width_percent must be a whole number from 10 to 125, not 500",
        "space.head: head: no head is called 'ctcc'; did you mean 'ctc'?",
    ):
        assert part in message


def test_rules_between_fields_do_not_forbid_a_space() -> None:
    assert SearchSpace({"time_stride": (4, 12), "height_px": (32,)}).size == 2
