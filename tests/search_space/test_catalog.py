"""Catalogs: components found by name, from the text of their files, imported when they are wanted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import search_space
from search_space.catalog import Catalog, UnknownComponent

COMPONENT = '''
from search_space.catalog import Citation
from search_space.{folder} import things

@things.register("{name}", Citation("A paper", 2020, "https://example.org"))
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
    citation = things.citation("wheel")
    assert citation is not None and citation.year == 2020


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


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Somebody else's installed package: a module `somebodys_things` and its metadata, which name the entry points."""
    site = tmp_path / "site"
    metadata = site / "somebodys-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: somebodys\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[paretext.thing]\nlever = somebodys_things:Lever\nspring = a_module_that_is_not_there:Spring\n"
    )
    (site / "somebodys_things.py").write_text('class Lever:\n    """A lever."""\n')
    monkeypatch.syspath_prepend(str(site))
    yield metadata
    sys.modules.pop("somebodys_things", None)


def test_an_installed_package_adds_a_choice_by_an_entry_point(folder: Path, installed: Path) -> None:
    put(folder, "wheel", "wheel")
    things = catalog_in(folder)
    assert things.names() == ["lever", "spring", "wheel"] and "lever" in things
    assert "somebodys_things" not in sys.modules, "asking for names imports no component"
    assert things["lever"].__doc__ == "A lever." and things.citation("lever") is None
    with pytest.raises(
        UnknownComponent,
        match="thing 'spring' of the package somebodys cannot be loaded from a_module_that_is_not_there:Spring: No mod",
    ):
        things["spring"]


def test_an_entry_point_may_not_take_the_name_of_what_is_built_in(folder: Path, installed: Path) -> None:
    put(folder, "lever", "lever")
    with pytest.raises(UnknownComponent, match=r"thing 'lever' is registered by both .*lever and somebodys_things:Lever"):
        catalog_in(folder).names()


def test_what_a_script_registers_is_a_choice_in_its_own_process(folder: Path) -> None:
    things = catalog_in(folder)

    @things.register("pulley")
    class Pulley:
        pass

    assert things.names() == ["pulley"] and things["pulley"] is Pulley and things.citation("pulley") is None
