"""The section `[recipe]` of a study: the settings that all trials share, and those that are searched, which are lists.

    [recipe]
    preset = "anytime"
    learning_rate = [0.002, 0.005, 0.01]      # searched
    weight_decay = 0.02                       # fixed

Decisions:
- Only numbers can be searched that neither change how long an epoch is, nor when a training may end: trials are compared by
  epochs, and a study plans its rungs once.
- A list with one value fixes the setting, as in `[space]`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studies.definition.configuration import RecipeValue
from trainers.base.errors import UserError
from trainers.base.recipe import Recipe, find_recipe

if TYPE_CHECKING:
    from studies.objectives.pareto import Scale  # its module brings numpy, which `search --help` does without

FIRST_RECIPE = "paretext"
"""The preset of a recipe that is stored as a table without one: what the default was in version 0.1."""
SEARCHABLE: dict[str, Scale] = {
    "learning_rate": "log",
    "weight_decay": "log",
    "batch_lines": "log",
    "augmentation": "linear",
    "label_smoothing": "linear",
    "join_share": "linear",
    "drawn_share": "linear",
}
"""Setting that can be searched to the scale on which its values are compared: those that span decades by their logarithm."""


@dataclass(frozen=True)
class RecipeSpace:
    """A recipe, and the values of its settings that are searched.

    Attributes:
        recipe: the fixed settings; a searched one has its default: the value of the preset, or the listed value nearest to it.
        choices: searched setting to its values, two or more, in the order of `SEARCHABLE`.
        written: what the study says.
    """

    recipe: Recipe
    choices: Mapping[str, tuple[RecipeValue, ...]]
    written: str | Mapping[str, Any]

    @classmethod
    def of(cls, written: str | Mapping[str, Any]) -> RecipeSpace:
        """What a study says: a preset, or a table of `preset` and the values and lists that differ from it.

        Raises:
            UserError: no such preset or setting, a value out of its range, or a list where none may be; all faults, one line.
        """
        if isinstance(written, str):
            return cls(find_recipe(written), {}, written)
        changes = dict(written)
        preset = find_recipe(str(changes.pop("preset", FIRST_RECIPE)))
        lists = {name: values for name, values in changes.items() if isinstance(values, list) and name in Recipe.model_fields}
        faults = [fault for name, values in lists.items() for fault in _faults(name, values, preset)]
        fixed = {name: value for name, value in changes.items() if name not in lists}
        try:
            recipe = Recipe.from_dict(preset.as_dict() | fixed)
        except UserError as error:
            faults.append(str(error))
        if faults:
            raise UserError("; ".join(faults))
        # as the recipe has them: 1 of a setting with decimals is 1.0
        listed = {
            name: tuple(getattr(preset.with_(**{name: value}), name) for value in lists[name])
            for name in SEARCHABLE
            if name in lists
        }
        defaults = {name: _nearest(getattr(preset, name), values, SEARCHABLE[name]) for name, values in listed.items()}
        choices = {name: values for name, values in listed.items() if len(values) > 1}
        return cls(recipe.with_(**defaults), choices, written)

    def complete(self, settings: Mapping[str, Any]) -> dict[str, RecipeValue]:
        """Every searched setting: the given value where it is listed, otherwise the default."""
        return {
            name: settings[name] if settings.get(name) in values else getattr(self.recipe, name)
            for name, values in self.choices.items()
        }

    def recipe_of(self, settings: Mapping[str, RecipeValue]) -> Recipe:
        """The whole recipe of a trial with these values of the searched settings."""
        return self.recipe.with_(**settings) if settings else self.recipe


def searchable_settings(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Those settings of a recipe that a study may search."""
    return {name: recipe[name] for name in SEARCHABLE if name in recipe}


def recipe_table(written: str | Mapping[str, Any], settings: Mapping[str, RecipeValue]) -> dict[str, Any]:
    """`[recipe]` of a study file that trains every trial as one trial was trained.

    Args:
        written: what the study says of its recipe.
        settings: the trial's values of the searched settings.
    """
    table = {"preset": written} if isinstance(written, str) else {"preset": FIRST_RECIPE, **written}
    single = {name: value[0] for name, value in table.items() if isinstance(value, list) and len(value) == 1}
    return table | single | dict(settings)


def _faults(name: str, values: Sequence[Any], preset: Recipe) -> list[str]:
    """What is wrong with a list of values."""
    key = f"recipe.{name}"
    if name not in SEARCHABLE:
        return [f"{key} cannot be searched: write one value; lists are for {', '.join(SEARCHABLE)}"]
    if not values:
        return [f"{key} lists no value; name at least one"]
    faults = []
    for value in values:
        try:
            if value is None:
                raise UserError(f"{key}: a list has numbers only")
            preset.with_(**{name: value})
        except UserError as error:
            faults.append(str(error))
    if not faults and len(set(values)) < len(values):
        faults.append(f"{key} lists a value twice")
    return faults


def _nearest(wanted: RecipeValue | None, values: Sequence[RecipeValue], scale: Scale) -> RecipeValue:
    """The listed value nearest to a wanted one; the first where none is wanted."""
    if wanted is None or wanted in values:
        return values[0] if wanted is None else wanted
    if scale == "log" and min(*values, wanted) > 0:
        return min(values, key=lambda value: abs(math.log(value / wanted)))
    return min(values, key=lambda value: abs(value - wanted))
