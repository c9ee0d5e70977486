"""Laws of the full space: every draw is built or refused, trains, exports, and is as big as estimated."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_space import Architecture, RefusedArchitecture
from search_space.rules import CATALOGS
from search_space.space import SearchSpace
from testing.full_space import drawn, draws, full_space
from testing.space_checks import PRUNED, SPACE, assert_reasoned, export_errors, size_tolerance, train_one_step
from testing.tiers import slow_after

LIGHT = ("timm/lcnet_050", "timm/starnet_s050", "timm/repghostnet_100", "timm/tinynet_e")


DRAWS = int(os.environ.get("PARETEXT_DRAWS", "10"))
"""Networks that are exported and compared; ten take half a minute."""


def narrowed(architecture: Architecture) -> Architecture:
    """The same parts at a quarter of the width, unless the backbone has one width only: exported many times faster."""
    try:
        return architecture.with_(width_percent=25)
    except RefusedArchitecture:
        return architecture


def assert_as_estimated(architecture: Architecture, folder: Path) -> None:
    """Within 1 % of the size, and 1e-4 of the logits."""
    found = export_errors(architecture, folder)
    assert found.size < size_tolerance(architecture.precision) and found.logits < 1e-4, f"{architecture.describe()}: {found}"


@st.composite
def combinations(draw: st.DrawFn, space: SearchSpace) -> dict[str, object]:
    """Field values from a space, most of them the field's first or drawn; refused ones included."""
    return {field: draw(st.sampled_from(values)) for field, values in space.choices.items()}


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(combinations(full_space(LIGHT)))
def test_any_combination_trains_or_is_refused_with_a_reason(values: dict[str, object]) -> None:
    torch.manual_seed(0)
    try:
        architecture = Architecture(**values | {"width_percent": 25})  # type: ignore[arg-type]
    except RefusedArchitecture as refused:
        assert_reasoned(refused)
    else:
        train_one_step(architecture)


@pytest.mark.parametrize("index", slow_after(1, range(3)))
@pytest.mark.filterwarnings("ignore")
def test_a_draw_is_exported_as_estimated(index: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    architecture = next(islice(drawn(full_space(LIGHT), seed=3), index, None))
    assert_as_estimated(architecture.with_(width_percent=25), tmp_path)


def test_the_same_seed_draws_the_same_architectures() -> None:
    assert list(drawn(SPACE, 1, 20)) == list(drawn(SPACE, 1, 20)) != list(drawn(SPACE, 2, 20))


def test_the_full_space_holds_every_component_and_every_part_left_out() -> None:
    for field, catalog in CATALOGS.items():
        values = {str(v).split("/")[0] for v in SPACE.choices[field]}
        assert values == set(catalog.choices())
    assert all("none" in SPACE.choices[field] for field in ("neck", "rectifier", "auxiliary", "encoder", "attention"))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", slow_after(0, range(0, 300, 100), thorough=1))
def test_100_draws_are_trained_or_refused(first: int) -> None:
    torch.manual_seed(0)
    faults = []
    built = 0
    for one in islice(draws(PRUNED, seed=0), first, first + 100):
        if isinstance(one, RefusedArchitecture):
            assert_reasoned(one)
            continue
        built += 1
        try:
            train_one_step(narrowed(one))
        except Exception as error:  # all faults at once are worth more than the first
            faults.append(f"{one.describe()}: {type(error).__name__}: {error}")
    assert not faults, "\n".join(faults)
    assert built > 33


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("index", slow_after(0, range(DRAWS), thorough=2))
@pytest.mark.filterwarnings("ignore")
def test_draws_are_exported_as_estimated(index: int, tmp_path: Path) -> None:
    """At a quarter of the width, where every node of a component is there as well; the size tests have all widths."""
    torch.manual_seed(0)
    architecture = next(islice(drawn(SPACE, seed=0), index, None))
    assert_as_estimated(narrowed(architecture), tmp_path)
