"""Catalogs: components found by name, from the text of their files, imported when they are wanted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import search_space
from search_space.catalog import Catalog, UnknownComponent

COMPONENT = '''
from search_space.catalog import Source
from search_space.{folder} import things

@things.register("{name}", Source("A paper", 2020, "https://example.org"))
class Thing:
    """A thing."""
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty catalog folder that can be imported as `search_space.<its name>`."""
    package = tmp_path / "things_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text(
        f"from search_space.catalog import Catalog\nthings = Catalog('thing', 'search_space.{package.name}')\n"
    )
    monkeypatch.setattr(search_space, "__path__", [*search_space.__path__, str(tmp_path)])
    monkeypatch.setattr("search_space.catalog.__file__", str(tmp_path / "catalog.py"))
    yield package
    for name in [n for n in sys.modules if n.startswith(f"search_space.{package.name}")]:
        del sys.modules[name]
    vars(search_space).pop(package.name, None)


def catalog_in(folder: Path) -> Catalog[type]:
    from importlib import import_module

    catalog: Catalog[type] = import_module(f"search_space.{folder.name}").things
    return catalog


def put(folder: Path, file: str, name: str) -> None:
    (folder / f"{file}.py").write_text(COMPONENT.format(folder=folder.name, name=name))


def test_a_new_file_is_all_it_takes(folder: Path) -> None:
    put(folder, "wheel", "wheel")
    things = catalog_in(folder)
    assert things.names() == ["wheel"] and "wheel" in things and len(things) == 1
    assert f"search_space.{folder.name}.wheel" not in sys.modules, "asking for names imports no component"
    assert things["wheel"].__doc__ == "A thing."
    assert things.source("wheel").year == 2020


def test_names_are_sorted_and_files_with_an_underscore_are_left_out(folder: Path) -> None:
    put(folder, "b", "second")
    put(folder, "a", "third")
    put(folder, "_shared", "never")
    put(folder, "c", "first")
    assert catalog_in(folder).names() == ["first", "second", "third"]


def test_an_unknown_name_is_answered_with_the_nearest_and_with_all(folder: Path) -> None:
    put(folder, "wheel", "wheel")
    put(folder, "axle", "axle")
    with pytest.raises(UnknownComponent, match=r"no thing is called 'whel'; did you mean 'wheel'\? \(known: axle, wheel\)"):
        catalog_in(folder)["whel"]


def test_a_name_registered_twice_is_refused_with_both_files(folder: Path) -> None:
    put(folder, "one", "wheel")
    put(folder, "two", "wheel")
    with pytest.raises(ValueError, match=r"thing 'wheel' is registered in both .*one and two; rename one"):
        catalog_in(folder).names()


def test_where_a_part_may_be_left_out_none_is_a_choice_and_nothing_to_build(folder: Path) -> None:
    put(folder, "wheel", "wheel")
    package = catalog_in(folder).package
    optional: Catalog[type] = Catalog("thing", package, optional=True)
    assert optional.choices() == ["none", "wheel"] and optional.names() == ["wheel"]
    optional.check("none")
    with pytest.raises(UnknownComponent, match="nothing to build"):
        optional["none"]
    with pytest.raises(UnknownComponent, match="no thing is called 'none'"):
        catalog_in(folder).check("none")
