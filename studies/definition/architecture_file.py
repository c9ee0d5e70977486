"""Architectures in a file: for a warm start, and for a command that takes one. JSON of a front says how each was trained."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from search_space import Architecture, RefusedArchitecture
from studies.definition.configuration import Configuration
from studies.definition.recipe_space import searchable_settings
from trainers.base.errors import UserError

SUFFIXES = (".toml", ".json")
"""Endings of files that may hold architectures."""


def read_architectures(path: Path) -> list[Architecture]:
    """The architectures that a file holds; see `read_configurations`."""
    return [configuration.architecture for configuration in read_configurations(path)]


def read_configurations(path: Path) -> list[Configuration]:
    """The architectures that a file holds, each with the searchable settings of the recipe that stands beside it, if one does.

    Args:
        path: TOML with the fields of one architecture or with tables `[[architecture]]`, or JSON with the same or with a list
            such as `paretext front --json` prints.

    Raises:
        UserError: no such file, not TOML or JSON, or something in it is not an architecture that can be built.
    """
    try:
        text = path.read_text(encoding="utf-8")
        held: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as {path.suffix[1:].upper()}: {error}") from None
    tables = held.get("architecture", held) if isinstance(held, dict) else held
    tables = tables if isinstance(tables, list) else [tables]
    found = []
    for place, table in enumerate(tables, 1):
        fields = table.get("architecture", table) if isinstance(table, dict) else None
        if not isinstance(fields, dict):
            raise UserError(f"{path} must contain [[architecture]] tables of fields; entry {place} is not one")
        try:
            recipe = table.get("recipe") if fields is not table else None
            settings = searchable_settings(recipe) if isinstance(recipe, dict) else {}
            found.append(Configuration(Architecture.from_dict(fields), settings))
        except RefusedArchitecture as refusal:
            raise UserError(f"architecture {place} of {path}: {refusal}") from None
    return found
