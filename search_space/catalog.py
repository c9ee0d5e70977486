"""A catalog: the components of one kind, each in a file of its own that registers itself with one decorator line.

Decisions:
- Names are read from the source text (`@attentions.register("eca")`), so asking what exists imports neither torch nor timm
  and `--help` stays instant; a component's file is imported the first time the component is asked for.
- A new file in the kind's folder is all it takes to add a component; no list is kept anywhere else.
"""

from __future__ import annotations

import ast
import difflib
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T", bound=type)


@dataclass(frozen=True)
class Source:
    """Where a component comes from.

    Attributes:
        title: title of the paper or repository.
        year: year of publication.
        url: where to read it (an arXiv abstract where there is one).
    """

    title: str
    year: int
    url: str


def nearest(name: str, known: list[str]) -> str:
    """Returns `; did you mean 'x'?` for the closest of `known`, or an empty string when none is close."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"; did you mean '{close[0]}'?" if close else ""


class UnknownComponent(ValueError):
    """A name that no file of the catalog registers; the message holds the nearest one that does."""


class Catalog(Generic[T]):
    """The components of one kind, by name.

    Args:
        kind: what one of them is called in messages ("attention").
        package: dotted name of the folder whose files register themselves.
        optional: whether an architecture may do without one; "none" is then a choice that no file registers.
    """

    def __init__(self, kind: str, package: str, optional: bool = False) -> None:
        self.kind = kind
        self.package = package
        self.optional = optional
        self._classes: dict[str, T] = {}
        self._sources: dict[str, Source] = {}

    @cached_property
    def _module_of(self) -> dict[str, str]:
        """Component name to module, read from the decorators in the folder's files without importing them."""
        folder = Path(__file__).parent.joinpath(*self.package.split(".")[1:])
        found: dict[str, str] = {}
        for file in sorted(folder.glob("*.py")):
            if file.stem.startswith("_"):
                continue
            for name in _registered_names(file):
                if name in found:
                    raise ValueError(f"{self.kind} '{name}' is registered in both {found[name]} and {file.stem}; rename one")
                found[name] = f"{self.package}.{file.stem}"
        return found

    def register(self, name: str, source: Source) -> Callable[[T], T]:
        """Decorator that puts a class into the catalog.

        Args:
            name: the component's name in studies and files: a plain string literal, since it is read from the source text.
            source: the paper it follows.
        """

        def put(component: T) -> T:
            self._classes[name] = component
            self._sources[name] = source
            return component

        return put

    def names(self) -> list[str]:
        """All registered names, sorted. Imports no component."""
        return sorted(self._module_of)

    def choices(self) -> list[str]:
        """What an architecture may name: all registered names, sorted, after "none" where there is such a choice."""
        names = self.names()
        return names if "none" in names else ["none"] * self.optional + names

    def check(self, name: str) -> None:
        """Raises UnknownComponent, with the nearest known name, unless `name` is a choice. Imports no component."""
        if name not in self.choices():
            hint = nearest(name, self.choices())
            raise UnknownComponent(f"no {self.kind} is called '{name}'{hint} (known: {', '.join(self.choices())})")

    def _load(self, name: str) -> None:
        self.check(name)
        if name not in self._module_of:
            raise UnknownComponent(f"{self.kind} 'none' means that there is nothing to build")
        if name not in self._classes:
            importlib.import_module(self._module_of[name])

    def __getitem__(self, name: str) -> T:
        self._load(name)
        return self._classes[name]

    def source(self, name: str) -> Source:
        """The paper behind a component."""
        self._load(name)
        return self._sources[name]

    def __contains__(self, name: object) -> bool:
        return name in self._module_of

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self._module_of)


def _registered_names(file: Path) -> list[str]:
    """Names in `@<catalog>.register("name", ...)` decorators of the classes in a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    decorators: list[Any] = [d for node in tree.body if isinstance(node, ast.ClassDef) for d in node.decorator_list]
    return [
        d.args[0].value
        for d in decorators
        if isinstance(d, ast.Call)
        and isinstance(d.func, ast.Attribute)
        and d.func.attr == "register"
        and d.args
        and isinstance(d.args[0], ast.Constant)
        and isinstance(d.args[0].value, str)
    ]
