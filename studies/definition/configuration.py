"""What one trial trains: an architecture, and the recipe settings that the study searches.

Decisions:
- Settings that the study fixes are no part of a configuration. So in a study that searches none, a configuration has the digest
  of its architecture, and its folders and records are named as if there were only architectures.
- Recipe settings cost no bytes: limits and costs are those of the architecture.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from search_space.architecture import Architecture

RecipeValue = int | float
"""A value of a recipe setting that can be searched."""
PREFIX = "recipe."
"""Begins the name of a recipe setting among the parameters of Optuna and MLflow, beside the fields of an architecture."""
SHORT_NAMES = {
    "learning_rate": "lr",
    "weight_decay": "wd",
    "batch_lines": "batch",
    "augmentation": "aug",
    "label_smoothing": "smooth",
    "join_share": "join",
    "drawn_share": "drawn",
}
"""Recipe setting to its name in descriptions, which stand in tables."""


@dataclass(frozen=True)
class Configuration:
    """An architecture with the recipe settings that it is trained with, as far as the study searches them.

    Attributes:
        architecture: what is trained.
        recipe: searched setting to its value; empty in a study that searches none.
    """

    architecture: Architecture
    recipe: Mapping[str, RecipeValue] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """A hash, 16 hex digits; equal configurations have equal digests. Without recipe settings that of the architecture."""
        if not self.recipe:
            return self.architecture.digest
        both = {"architecture": self.architecture.changed(), "recipe": dict(self.recipe)}
        text = json.dumps(both, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def params(self) -> dict[str, Any]:
        """Every field of the architecture and every recipe setting, under the names of parameters."""
        return self.architecture.as_dict() | recipe_params(self.recipe)

    def with_(self, **changes: Any) -> Configuration:
        """A copy with some fields of the architecture replaced."""
        return replace(self, architecture=self.architecture.with_(**changes))

    def describe(self) -> str:
        """A short description for a table: `mbv3_small 50% gru2x48 lr 0.003 aug 0.4`."""
        return " ".join([self.architecture.describe(), *recipe_words(self.recipe)])


def recipe_params(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Recipe settings under the names of parameters, such as `recipe.learning_rate`."""
    return {f"{PREFIX}{name}": value for name, value in recipe.items()}


def recipe_words(recipe: Mapping[str, RecipeValue]) -> list[str]:
    """Recipe settings in short words, such as `lr 0.003`."""
    return [f"{SHORT_NAMES.get(name, name)} {value:g}" for name, value in recipe.items()]
