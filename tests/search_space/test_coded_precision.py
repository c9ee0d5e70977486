"""A coded precision is written in one way, and what is written otherwise is refused with what to write."""

import pytest

from search_space.architecture import Architecture, RefusedArchitecture
from search_space.coded_precision import USUAL_PERCENT, coded_precision, is_coded, step_percent


@pytest.mark.parametrize("percent", [2, 9, 18, 35, 100, 150])
def test_every_step_has_one_name(percent: int) -> None:
    name = coded_precision(percent)
    assert step_percent(name) == percent and is_coded(name)
    assert Architecture(precision=name).precision == name
    assert (name == "coded") == (percent == USUAL_PERCENT)


@pytest.mark.parametrize("name", ["fp32", "int8", "code", "coded-35", "xcoded"])
def test_other_names_are_not_coded(name: str) -> None:
    assert step_percent(name) is None and not is_coded(name)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("coded_18", "is written 'coded'"),
        ("coded_1", "from 2 to 150"),
        ("coded_151", "from 2 to 150"),
        ("coded_035", "from 2 to 150"),
        ("coded_0.35", "from 2 to 150"),
        ("coded-35", "such as coded_35"),
        ("coder", "must be one of"),
    ],
)
def test_what_is_not_a_precision_is_refused_in_one_line(name: str, advice: str) -> None:
    with pytest.raises(RefusedArchitecture) as refusal:
        Architecture(precision=name)
    assert advice in str(refusal.value) and "\n" not in str(refusal.value)
