"""What a study chooses from: the fields of an architecture that are open, and the recipe settings that are searched.

To samplers both are parameters of one flat space, as `search_space.space.SearchSpace` is. Fields keep their names, and settings
are called `recipe.NAME`, as a study file could say it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from search_space.architecture import RefusedArchitecture
from search_space.space import Choice, SearchSpace
from studies.definition.configuration import PREFIX, Configuration, RecipeValue, recipe_params
from studies.definition.recipe_space import SEARCHABLE, RecipeSpace

if TYPE_CHECKING:
    from studies.objectives.pareto import Scale

Value = Choice | RecipeValue
"""A value of a parameter."""


class Choices(Protocol):
    """Parameters and their values, as `JointSpace` and `SearchSpace` have them."""

    @property
    def choices(self) -> Mapping[str, Sequence[Any]]:
        """Parameter to its values; those of an open one are at least two."""

    @property
    def open_fields(self) -> list[str]:
        """Parameters with more than one value, in their order."""


@dataclass(frozen=True)
class JointSpace:
    """Architectures and recipe settings.

    Attributes:
        architectures: fields of an architecture.
        recipe: settings of the recipe.
    """

    architectures: SearchSpace
    recipe: RecipeSpace

    @cached_property
    def choices(self) -> Mapping[str, Sequence[Any]]:
        """Parameter to its values: fields of an architecture, then recipe settings."""
        return {**self.architectures.choices, **recipe_params(self.recipe.choices)}

    @cached_property
    def open_fields(self) -> list[str]:
        """Parameters with more than one value: fields in the architecture's order, then recipe settings."""
        return [*self.architectures.open_fields, *recipe_params(self.recipe.choices)]

    @property
    def scales(self) -> dict[str, Scale]:
        """Parameter of each searched recipe setting to the scale of its values."""
        return recipe_params({name: SEARCHABLE[name] for name in self.recipe.choices})

    @property
    def size(self) -> int:
        """The number of combinations, including refused and equal ones."""
        total = self.architectures.size
        for values in self.recipe.choices.values():
            total *= len(values)
        return total

    def configuration(self, params: Mapping[str, Any]) -> Configuration:
        """What parameters describe.

        Args:
            params: value of each open parameter.

        Raises:
            RefusedArchitecture: the architecture cannot be built.
        """
        architecture = self.architectures.sample(lambda name, _: params[name])
        return Configuration(architecture, {name: params[f"{PREFIX}{name}"] for name in self.recipe.choices})

    def params_of(self, configuration: Configuration) -> dict[str, Any]:
        """The open parameters of a configuration whose values the space has; a known model may lie outside it in others.

        A field that has no effect, such as the size of an encoder that is not there, has the first of its values: its neutral
        one is not in the space, and a sampler that misses a parameter takes a configuration for one from outside the space.
        """
        values, unused = configuration.params, configuration.architecture.unused_fields
        found = {name: self.choices[name][0] if name in unused else values[name] for name in self.open_fields if name in values}
        return {name: value for name, value in found.items() if value in self.choices[name]}

    def unused(self, params: Mapping[str, Any]) -> list[str]:
        """The open parameters that have no effect beside the others; none where the architecture cannot be built."""
        try:
            fields = self.configuration(params).architecture.unused_fields
        except RefusedArchitecture:
            return []
        return [name for name in self.open_fields if name in fields]

    def complete(self, configuration: Configuration) -> Configuration:
        """An architecture from elsewhere, with a value of each searched setting: its own where it is listed, or the default."""
        return Configuration(configuration.architecture, self.recipe.complete(configuration.recipe))
