"""Recipes as they are written on the command line and in a study file."""

from __future__ import annotations

import json
from typing import Any

from trainers.base.errors import UserError
from trainers.base.recipe import RECIPES, Recipe, find_recipe


def parse_recipe(text: str) -> Recipe:
    """Parses the name of a preset, followed by changes after commas: `seed,batch_lines=16`.

    Raises:
        UserError: the preset or a setting does not exist, or a value is out of range.
    """
    name, *changes = (part.strip() for part in text.split(","))
    values = find_recipe(name).as_dict()
    for change in changes:
        field, equals, value = (word.strip() for word in change.partition("="))
        if not equals:
            raise UserError(f"'{change}' is not a change of a recipe; write for example {name},batch_lines=16")
        try:
            values |= {field: json.loads(value)}
        except ValueError:
            values |= {field: value}
    return Recipe.from_dict(values)


def in_short(recipe: Recipe) -> dict[str, Any]:
    """A recipe as `[recipe]` of a study file has it: the preset that differs least, and what differs from it."""
    presets = {name: preset.as_dict() for name, preset in RECIPES.items()}
    changes = {name: {k: v for k, v in recipe.as_dict().items() if v != preset[k]} for name, preset in presets.items()}
    nearest = min(changes, key=lambda name: len(changes[name]))
    return {"preset": nearest, **changes[nearest]}
