"""The tables of the documentation and the built-in study agree with the definition of the settings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from dashboards.views.docs_tables import with_tables
from studies.definition.settings import SECTIONS, settings
from studies.definition.study_file import BUILT_IN
from trainers.base.recipe import RECIPES, Recipe

ROOT = Path(__file__).parents[2]


def test_the_tables_of_the_documentation_are_up_to_date() -> None:
    pages = {page: page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]}
    marked = [page for page, text in pages.items() if "<!-- table: " in text]
    assert ROOT / "docs" / "search.md" in marked
    for page in marked:
        assert with_tables(pages[page]) == pages[page], f"run: python -m dashboards.views.docs_tables {page}"


def test_every_setting_is_in_the_documentation_with_its_option() -> None:
    page = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
    for setting in settings():
        assert f"| `{setting.name}` | {f'`{setting.flag.option}`' if setting.flag else ''} |" in page


def test_every_setting_of_a_recipe_is_in_the_documentation_with_its_presets() -> None:
    page = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
    for name in Recipe.model_fields:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert row.count("|") == len(RECIPES) + 3


def test_a_wrong_mark_is_refused() -> None:
    with pytest.raises(ValueError, match="no table is called 'x'"):
        with_tables("<!-- table: x -->\n<!-- end of table -->")
    with pytest.raises(ValueError, match="has no"):
        with_tables("<!-- table: settings -->\n")


def test_every_setting_says_what_it_is_and_shows_a_valid_example() -> None:
    for setting in settings():
        assert setting.description
        assert setting.check(setting.example) is not None


def test_the_comments_of_the_built_in_study_show_settings_that_exist() -> None:
    known = {setting.key: setting for setting in settings()}
    section, shown = "", 0
    for line in BUILT_IN.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"\[(\w+)\]", line):
            section = heading[1]
        elif section in SECTIONS and (written := re.match(r"(?:# )?((\w+) = .*)", line)):
            shown += 1
            setting = known[f"{section}.{written[2]}" if section else written[2]]
            setting.check(tomllib.loads(written[1])[written[2]])
    assert shown > 20
