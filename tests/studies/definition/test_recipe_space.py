"""Lists in `[recipe]` open settings to the search; what may not be listed is refused with one line."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from search_space import Architecture
from studies.definition.configuration import Configuration
from studies.definition.recipe_space import SEARCHABLE, RecipeSpace, recipe_table
from studies.definition.study import resolve, stored_study
from studies.samplers.front.encoding import SpaceEncoder
from studies.storage.distributions import distributions
from trainers.base.errors import UserError
from trainers.base.recipe import RECIPES

LISTS = {"preset": "anytime", "learning_rate": [0.001, 0.004, 0.02], "augmentation": [0, 1], "weight_decay": 0.05}


def test_a_list_opens_a_setting_and_the_others_are_fixed() -> None:
    study = resolve({"recipe": LISTS, "space": {"width_percent": [25, 50]}}, "here")
    assert study.recipe_space.choices == {"learning_rate": (0.001, 0.004, 0.02), "augmentation": (0.0, 1.0)}
    space = study.joint_space
    assert space.open_fields == ["width_percent", "recipe.learning_rate", "recipe.augmentation"] and space.size == 12
    made = space.configuration({"width_percent": 50, "recipe.learning_rate": 0.02, "recipe.augmentation": 0.0})
    assert made == Configuration(Architecture(width_percent=50), {"learning_rate": 0.02, "augmentation": 0.0})
    assert space.configuration(space.params_of(made)) == made
    recipe = study.recipe_space.recipe_of(made.recipe)
    assert recipe == RECIPES["anytime"].with_(learning_rate=0.02, augmentation=0.0, weight_decay=0.05)
    assert stored_study(study.model_dump(mode="json"), "s").joint_space == space


@pytest.mark.parametrize(
    ("space", "unused"),
    [
        ({"encoder": ["none", "gru"], "encoder_hidden": [24, 48], "encoder_layers": [1, 2]}, {"encoder": "none"}),
        ({"head": ["ctc", "attention"], "head_rank": [48, 96]}, {"head": "ctc"}),
        ({"prune_percent": [0, 50], "prune_criterion": ["l1", "l2"]}, {"prune_percent": 0}),
    ],
)
def test_fields_without_effect_leave_no_candidate_outside_the_space(space: dict[str, Any], unused: dict[str, Any]) -> None:
    """A sampler learns nothing from parameters that lack one, and early stopping lets such a candidate train to its end."""
    joint = resolve({"space": space}, "here").joint_space
    encoder = SpaceEncoder(distributions(joint))
    made = {}
    for values in itertools.product(*(joint.choices[name] for name in joint.open_fields)):
        configuration = joint.configuration(dict(zip(joint.open_fields, values, strict=True)))
        params = joint.params_of(configuration)
        assert encoder.encode(params) is not None and joint.configuration(params) == configuration
        assert made.setdefault(configuration.digest, params) == params, "equal networks have equal parameters"
    assert any(unused.items() <= params.items() for params in made.values())


def test_a_searched_setting_has_the_value_of_the_preset_or_the_nearest_by_default() -> None:
    assert RECIPES["anytime"].learning_rate == 0.005 and RECIPES["anytime"].augmentation == 0.4
    recipe = RecipeSpace.of(LISTS).recipe
    assert (recipe.learning_rate, recipe.augmentation) == (0.004, 0.0)
    far = RecipeSpace.of({"preset": "anytime", "learning_rate": [0.0001, 0.04]}).recipe
    assert far.learning_rate == 0.04, "0.005 is eight times less and fifty times more"
    space = RecipeSpace.of(LISTS)
    assert space.complete({"learning_rate": 0.02, "augmentation": 0.3}) == {"learning_rate": 0.02, "augmentation": 0.0}


def test_a_list_of_one_value_fixes_the_setting() -> None:
    space = RecipeSpace.of({"preset": "anytime", "learning_rate": [0.01]})
    assert space.choices == {} and space.recipe == RECIPES["anytime"].with_(learning_rate=0.01)
    assert recipe_table(space.written, {}) == {"preset": "anytime", "learning_rate": 0.01}


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"learning_rate": [0.01, 5]}, "recipe.learning_rate must be a number from 1e-08 to 1, not 5"),
        ({"augmentation": [0.1, "much"]}, "recipe.augmentation must be a number from 0 to 1, not 'much'"),
        ({"batch_lines": [16, 3.5]}, "recipe.batch_lines must be a whole number from 0 to 4096, not 3.5"),
        ({"learning_rate": []}, "recipe.learning_rate lists no value; name at least one"),
        ({"augmentation": [0, 0.0]}, "recipe.augmentation lists a value twice"),
        (
            {"schedule": ["cosine", "constant"]},
            "recipe.schedule cannot be searched: write one value; lists are for learning_rate,",
        ),
        ({"validation_lines": [0, 100]}, "recipe.validation_lines cannot be searched"),
        ({"learning_rat": [0.1, 0.2]}, "unknown key 'recipe.learning_rat'; did you mean 'learning_rate'?"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_one_line(recipe: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve({"recipe": recipe}, "study.toml")
    assert re.sub(r"\s+", " ", str(caught.value)).startswith(f"study.toml: {said}") and "\n" not in str(caught.value)


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(UserError, match=r"learning_rate must be.*; .*precision cannot be searched.*; .*clip_norm must be"):
        resolve({"recipe": {"learning_rate": [7, 0.1], "precision": ["fp32"], "clip_norm": -1}}, "here")


def test_without_recipe_settings_a_configuration_has_the_digest_of_its_architecture() -> None:
    architecture = Architecture(width_percent=50)
    plain, one, other = (Configuration(architecture, recipe) for recipe in ({}, {"augmentation": 0.0}, {"augmentation": 0.5}))
    assert plain.digest == architecture.digest
    assert len({plain.digest, one.digest, other.digest, one.with_(precision="int8").digest}) == 4
    assert one.describe() == f"{architecture.describe()} aug 0" and plain.describe() == architecture.describe()


def test_every_searchable_setting_can_be_listed() -> None:
    listed = {name: [1, 0] if name != "learning_rate" else [1, 0.5] for name in SEARCHABLE if name != "label_smoothing"}
    space = RecipeSpace.of({"preset": "seed", **listed, "label_smoothing": [0.1, 0]})
    assert list(space.choices) == list(SEARCHABLE)
