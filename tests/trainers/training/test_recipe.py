"""Laws of recipes: values that are checked, curves that are smooth, names that are found."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.base.errors import UserError
from trainers.base.recipe import RECIPES, Recipe, find_recipe


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_json(name: str) -> None:
    recipe = RECIPES[name]
    assert Recipe.from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe


def test_equal_recipes_have_equal_digests_however_numbers_are_written() -> None:
    assert Recipe(weight_decay=0).digest == Recipe(weight_decay=0.0).digest
    assert Recipe(weight_decay=0).digest != Recipe(weight_decay=1e-4).digest


def test_the_seed_recipe_is_as_published() -> None:
    seed = find_recipe("seed")
    assert (seed.learning_rate, seed.warmup_epochs, seed.weight_decay, seed.batch_lines) == (1e-3, 2, 1e-5, 64)
    assert not seed.decoupled_decay


@given(st.integers(1, 500), st.sampled_from(sorted(RECIPES)))
def test_the_rate_rises_to_its_peak_and_falls_to_its_end(epochs: int, name: str) -> None:
    recipe = RECIPES[name]
    points = [recipe.learning_rate_at(epochs * i / 400, epochs) for i in range(401)]
    peak = points.index(max(points))
    assert all(a <= b for a, b in pairwise(points[: peak + 1]))
    assert all(a >= b for a, b in pairwise(points[peak:]))
    assert max(points) == pytest.approx(recipe.learning_rate, rel=0.01)
    end = 1.0 if recipe.schedule == "constant" else recipe.final_rate
    assert points[-1] == pytest.approx(recipe.learning_rate * end, abs=1e-12)
    assert min(points[:-1]) > 0


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(UserError) as caught:
        Recipe(learning_rate=-1, batch_lines=-1, augmentation=2, precision="fp8")
    message = str(caught.value)
    assert all(word in message for word in ("learning_rate", "batch_lines", "augmentation", "precision"))
    assert "\n" not in message


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'learning_rate'"):
        Recipe.from_dict({"learnin_rate": 1e-3})
    with pytest.raises(UserError, match="did you mean 'paretext'"):
        find_recipe("paretxt")


def test_few_lines_are_read_in_small_batches() -> None:
    recipe = Recipe(batch_lines=0)
    sizes = [recipe.lines_per_batch(lines) for lines in (10, 800, 2000, 10_000, 100_000)]
    assert sizes == sorted(sizes)
    assert sizes[0] >= 4 and sizes[-1] <= 128
    assert Recipe(batch_lines=7).lines_per_batch(10_000) == 7
    short = Recipe(batch_lines=0, max_epoch_lines=4000)
    assert short.lines_per_batch(100_000) == 16, "250 steps for the 4,000 lines of an epoch"
    assert short.lines_per_batch(100_000, "cuda:0") == 64
