"""What a study with starter weights tries first: a small and a larger network that soon read well, if they are allowed."""

from __future__ import annotations

from typing import Any

import pytest

from search_space import Architecture
from search_space.space import SearchSpace
from studies.definition.joint_space import JointSpace
from studies.definition.recipe_space import RecipeSpace
from studies.definition.study import DEFAULT_SPACE, resolve
from studies.definition.study_file import load_study
from studies.run.first_architectures import FIRST, first_architectures
from studies.workspace.paths import Workspace
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import run_search
from trainers.inherit.starter import has_starter


def space(**changes: list[Any]) -> JointSpace:
    choices = {field: tuple(values) for field, values in (DEFAULT_SPACE | changes).items()}
    return JointSpace(SearchSpace(choices), RecipeSpace.of("anytime"))


def test_the_default_space_and_the_built_in_study_have_them_and_there_are_starter_weights_for_them() -> None:
    for known in (space(), load_study(None).joint_space):
        forms = first_architectures(known)
        built = [[known.configuration(params).architecture for params in each] for each in forms]
        assert [{a.with_(precision="fp32") for a in each} for each in built] == [{a} for a in FIRST]
        assert [a.precision for a in built[0]] == list(reversed(known.choices["precision"]))
    assert all(has_starter(architecture) for architecture in FIRST)


@pytest.mark.parametrize(
    ("changes", "count"),
    [({"width_percent": [15, 50]}, 1), ({"neck": ["none"]}, 0), ({"height_px": [48]}, 0), ({"encoder_hidden": [24, 96]}, 1)],
)
def test_those_that_the_space_does_not_have_are_left_out(changes: dict[str, list[Any]], count: int) -> None:
    assert len(first_architectures(space(**changes))) == count


def test_a_study_that_begins_with_starter_weights_starts_them_first(workspace: Workspace) -> None:
    assert started(workspace, {}, "1MB")[:2] == list(FIRST)


@pytest.mark.parametrize("search", [{"begin": "random"}, {"sampler": "random"}])
def test_others_do_not(workspace: Workspace, search: dict[str, str]) -> None:
    assert not set(FIRST) & set(started(workspace, search, "1MB"))


def test_what_a_limit_does_not_allow_is_not_started(workspace: Workspace) -> None:
    begun = started(workspace, {}, "25KB")
    assert begun[0] == FIRST[0] and FIRST[1] not in begun


def started(workspace: Workspace, search: dict[str, Any], limit: str, name: str = "s") -> list[Architecture]:
    """The architectures that a study trains, in their order."""
    engine, order = ScriptedEngine(), list[Architecture]()
    submit = engine.submit

    def noted(number: int, job: Any, until_epoch: int | None = None) -> None:
        order.append(job.architecture.with_(precision="fp32"))
        submit(number, job, until_epoch)

    engine.submit = noted  # type: ignore[method-assign]
    values = {
        "name": name,
        "data": {"test": False, "rendered": None},
        "limits": {"size": limit},
        "budget": {"trials": 3, "epochs": 1},
        "search": {"sampler": "front", "begin": "starter", **search},
        "space": {**DEFAULT_SPACE, "backbone": ["mobilenetv3_small"]},
    }
    run_search(resolve(values, "test"), workspace, None, engine)
    return list(dict.fromkeys(order))
