"""Updates the tables of the documentation that are generated from the code. Each table is between two marks of its document.

    python -m dashboards.views.docs_tables README.md docs/search.md

A test fails when a table is out of date.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from dashboards.views import space_table
from studies.definition.settings import SECTIONS, settings
from trainers.base.recipe import RECIPES, Recipe


def settings_table(section: str) -> str:
    """A row for each setting of a section of a study file.

    Args:
        section: its name; empty for the keys of the file itself.
    """
    rows = ["| key | option | default | example | description |", "|---|---|---|---|---|"]
    for setting in settings():
        if setting.section == section:
            option = f"`{setting.flag.option}`" if setting.flag else ""
            default = "the built-in space" if setting.key == "space" else _toml(setting.default)
            rows.append(f"| `{setting.name}` | {option} | {default} | {_toml(setting.example)} | {setting.description} |")
    return "\n".join(rows)


def recipe_table() -> str:
    """A row for each setting of `[recipe]`: its value in each preset, and what the docstring of `Recipe` says of it."""
    presets = sorted(RECIPES)
    attributes = inspect.getdoc(Recipe).partition("Attributes:\n")[2].partition("\n\n")[0]  # type: ignore[union-attr]
    described = dict(re.findall(r"^    (\w+): (.*?)(?=\n    \w|\Z)", attributes, flags=re.DOTALL | re.MULTILINE))
    rows = [f"| key | {' | '.join(f'`{preset}`' for preset in presets)} | description |", f"|{'---|' * (len(presets) + 2)}"]
    for name in Recipe.model_fields:
        words = re.sub(r" \(`[\w.]+`\)", "", " ".join(described[name].split())).removesuffix(".")  # without names of the code
        values = " | ".join(_toml(getattr(RECIPES[preset], name)) for preset in presets)
        rows.append(f"| `{name}` | {values} | {words} |")
    return "\n".join(rows)


def _toml(value: Any) -> str:
    """A value as a study file writes it; nothing for None."""
    return "" if value is None else f"`{_written(value)}`"


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_written(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)


TABLES: dict[str, Callable[[], str]] = {
    f"settings of [{name}]" if name else "settings": partial(settings_table, name) for name in SECTIONS
} | {"settings of [recipe]": recipe_table}
"""Name of a table, as in its mark, to the function that makes it."""

BEGIN, END = "<!-- table: {} -->", "<!-- end of table -->"
"""The marks before and after a table; the first has the name of the table."""


def with_tables(text: str) -> str:
    """Replaces every table between marks by a new one.

    Raises:
        ValueError: a mark names no table, or a table has no end.
    """

    def made(match: re.Match[str]) -> str:
        name = match[1]
        if name not in TABLES:
            raise ValueError(f"no table is called '{name}'; there are {', '.join(TABLES)}")
        return f"{BEGIN.format(name)}\n{TABLES[name]()}\n{END}"

    found = re.sub(r"<!-- table: (.*?) -->\n.*?<!-- end of table -->", made, text, flags=re.DOTALL)
    if text.count("<!-- table: ") != text.count(END):
        raise ValueError(f"a table has no '{END}'")
    return space_table.with_space_table(found) if space_table.BEGIN in found else found


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file = Path(name)
        file.write_text(with_tables(file.read_text(encoding="utf-8")), encoding="utf-8")
