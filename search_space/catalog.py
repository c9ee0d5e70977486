"""A catalog: choices of one kind, by name. Each choice is one file, which registers itself with a decorator.

Decisions:
- Names are read from the source text (`@attentions.register("eca")`). Listing them imports neither torch nor timm, so `--help`
  is fast. A file is imported when its name is first used.
- To add a choice, add a file to the catalog's folder; there is no other list.
- An installed package adds choices from outside by a Python entry point of the catalog's group, such as `paretext.attention`.
  Their names come from the package's metadata, so they too are listed without an import, and every worker process finds them.
"""

from __future__ import annotations

import ast
import difflib
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Registered = TypeVar("Registered")


@dataclass(frozen=True)
class Citation:
    """The paper or repository that a component follows.

    Attributes:
        title: its title.
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
    """The name is not in the catalog (the message holds the nearest name), or its package cannot be imported."""


class Catalog(Generic[T]):
    """The choices of one kind, by name.

    Args:
        kind: what messages call a choice ("attention").
        package: dotted name of the folder whose files register themselves.
        optional: whether an architecture may do without one; "none" is then a choice that no file registers.
        entry_points: group of the entry points by which installed packages add choices; None for `paretext.KIND`.
    """

    def __init__(self, kind: str, package: str, optional: bool = False, entry_points: str | None = None) -> None:
        self.kind = kind
        self.package = package
        self.optional = optional
        self.group = entry_points or f"paretext.{kind}"
        self._registered: dict[str, T] = {}
        self._citations: dict[str, Citation] = {}

    @cached_property
    def _module_of(self) -> dict[str, str]:
        """Built-in name to module, read from the decorators in the folder's files without importing them."""
        spec = find_spec(self.package)
        folders = [] if spec is None else list(spec.submodule_search_locations or [])
        found: dict[str, str] = {}
        for file in sorted(file for folder in folders for file in Path(folder).glob("[!_]*.py")):
            for name in _registered_names(file):
                if name in found:
                    raise ValueError(f"{self.kind} '{name}' is registered in both {found[name]} and {file.stem}; rename one")
                found[name] = f"{self.package}.{file.stem}"
        return found

    @cached_property
    def _entry_point_of(self) -> dict[str, EntryPoint]:
        """Name to entry point of the choices that installed packages add."""
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=self.group):
            if point.name in self._module_of or found.get(point.name, point) != point:
                other = self._module_of.get(point.name) or found[point.name].value
                raise UnknownComponent(
                    f"{self.kind} '{point.name}' is registered by both {other} and {point.value}; rename one"
                )
            found[point.name] = point
        return found

    def register(self, name: str, citation: Citation | None = None) -> Callable[[Registered], Registered]:
        """Decorator that puts a class or function into the catalog.

        Args:
            name: its name in studies and files: a plain string literal, since it is read from the source text.
            citation: the paper it follows; every component of an architecture names one.
        """

        def put(choice: Registered) -> Registered:
            self._registered[name] = choice  # type: ignore[assignment]  # the contract tests hold it to T
            if citation is not None:
                self._citations[name] = citation
            return choice

        return put

    @contextmanager
    def temporary(self, name: str, choice: T) -> Iterator[None]:
        """A `with` block in which the catalog has one more choice, for tests of a class that no package registers.

        Raises:
            ValueError: the catalog has a choice of this name.
        """
        if name in self:
            raise ValueError(f"{self.kind} '{name}' is registered already")
        self._registered[name] = choice
        try:
            yield
        finally:
            del self._registered[name]

    def is_built_in(self, name: str) -> bool:
        """Whether a file of the catalog's folder registers this name. Imports nothing."""
        return name in self._module_of

    def names(self) -> list[str]:
        """All names, sorted: built in, added by installed packages, registered in this process. Imports none of them."""
        return sorted({*self._module_of, *self._entry_point_of, *self._registered})

    def choices(self) -> list[str]:
        """The values that an architecture may have: all names, sorted, after "none" where that is a choice."""
        names = self.names()
        return names if "none" in names else ["none"] * self.optional + names

    def check(self, name: str) -> None:
        """Raises UnknownComponent, with the nearest known name, unless `name` is a choice. Imports nothing."""
        if name not in self and not (self.optional and name == "none"):
            hint = nearest(name, self.choices())
            raise UnknownComponent(f"no {self.kind} is called '{name}'{hint} (known: {', '.join(self.choices())})")

    def __getitem__(self, name: str) -> T:
        self.check(name)
        if name not in self:
            raise UnknownComponent(f"{self.kind} 'none' means that there is nothing to build")
        if name in self._registered:
            return self._registered[name]
        if name in self._module_of:
            importlib.import_module(self._module_of[name])
        else:
            self._registered[name] = self._load(self._entry_point_of[name])
        return self._registered[name]

    def _load(self, point: EntryPoint) -> T:
        try:
            loaded: T = point.load()
        except Exception as error:  # another package's import may fail in any way
            package = f" of the package {point.dist.name}" if point.dist else ""
            raise UnknownComponent(
                f"{self.kind} '{point.name}'{package} cannot be loaded from {point.value}: {error}"
            ) from error
        return loaded

    def citation(self, name: str) -> Citation | None:
        """The paper behind a component; None where it names none."""
        self[name]
        return self._citations.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._module_of or name in self._entry_point_of or name in self._registered

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())


def _registered_names(file: Path) -> list[str]:
    """Names in `@<catalog>.register("name", ...)` decorators of the classes and functions in a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    decorated = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    decorators: list[Any] = [d for node in decorated for d in node.decorator_list]
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
