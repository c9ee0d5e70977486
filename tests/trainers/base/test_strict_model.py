"""Laws of checked settings: nothing is converted, every fault is one clear line, and a value travels unchanged."""

from __future__ import annotations

import json
import pickle
from typing import ClassVar, Literal

import pytest
from pydantic import Field

from trainers.base.strict_model import StrictModel
from trainers.base.validation_errors import InvalidSettings


class Wheel(StrictModel):
    called: ClassVar[str] = "wheel"

    spokes: int = Field(ge=3, le=60, description="how many spokes")
    material: Literal["steel", "wood"] = "steel"


class Cart(StrictModel):
    name: str
    load: float = Field(default=1.0, gt=0, le=10)
    covered: bool = False
    horses: int | None = Field(default=None, ge=1)
    wheel: Wheel | None = None
    goods: tuple[float, ...] = Field(default=(), strict=False)
    boxes: list[str] | None = None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "name is missing"),
        ({"name": 3}, "name must be a text, not 3"),
        ({"name": "a", "laod": 1}, "unknown key 'laod'; did you mean 'load'?"),
        ({"name": "a", "load": 0}, "load must be a number above 0 and at most 10, not 0"),
        ({"name": "a", "load": "1"}, "load must be a number above 0 and at most 10, not '1'"),
        ({"name": "a", "load": True}, "load must be a number above 0 and at most 10, not True"),
        ({"name": "a", "load": float("nan")}, "load must be a number above 0 and at most 10, not nan"),
        ({"name": "a", "covered": 1}, "covered must be true or false, not 1"),
        ({"name": "a", "horses": 0}, "horses must be a whole number from 1 up, not 0"),
        ({"name": "a", "horses": 1.0}, "horses must be a whole number from 1 up, not 1.0"),
        ({"name": "a", "horses": True}, "horses must be a whole number from 1 up, not True"),
        ({"name": "a", "boxes": "hay"}, "boxes must be a list of texts, not 'hay'"),
        ({"name": "a", "boxes": [1]}, "boxes.0 must be a text, not 1"),
        ({"name": "a", "wheel": {}}, "wheel needs a spokes: how many spokes"),
        ({"name": "a", "wheel": {"spokes": 2}}, "wheel.spokes must be a whole number from 3 to 60, not 2"),
        ({"name": "a", "wheel": {"spoke": 3, "spokes": 3}}, "unknown key 'wheel.spoke'; did you mean 'spokes'?"),
        (
            {"name": "a", "wheel": {"spokes": 3, "material": "stell"}},
            "wheel.material must be one of steel, wood, not 'stell'; did you mean 'steel'?",
        ),
    ],
)
def test_a_fault_is_one_line_with_the_rule_the_value_and_the_nearest_name(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        Cart.from_dict(values)
    assert str(caught.value) == message


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(InvalidSettings) as caught:
        Cart.from_dict({"load": 11, "horses": 0, "wheel": {"spokes": 2, "material": "tin"}})
    line = str(caught.value)
    assert "\n" not in line
    assert all(name in line for name in ("name", "load", "horses", "wheel.spokes", "wheel.material"))


def test_settings_travel_unchanged_and_are_keys() -> None:
    cart = Cart(name="a", load=2, goods=(1, 2.5), wheel=Wheel(spokes=8))
    for copy in (Cart.from_dict(json.loads(json.dumps(cart.as_dict()))), pickle.loads(pickle.dumps(cart)), cart.with_()):
        assert copy == cart and hash(copy) == hash(cart)
    assert type(cart.load) is float, "2 and 2.0 are one value"


def test_a_copy_with_changes_is_checked() -> None:
    cart = Cart(name="a", wheel=Wheel(spokes=8))
    assert cart.with_(horses=2) == Cart(name="a", horses=2, wheel=Wheel(spokes=8))
    with pytest.raises(InvalidSettings, match="horses must be"):
        cart.with_(horses=0)
    with pytest.raises(InvalidSettings, match="did you mean 'horses'"):
        cart.with_(horse=1)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Cart(name="a").load = 2  # type: ignore[misc]
