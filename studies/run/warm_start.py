"""What a study tries first: known models, the front of another study, architectures that the user wrote.

seed                    the published models
ppocrv4_mobile          a known model
front:signs             the front of study `signs`: its architectures, whatever data and charset they were found on
mine.toml               architectures in a file: tables [[architecture]], or JSON: a list of such, as `front --json` prints it
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_space import Architecture, RefusedArchitecture, zoo
from search_space.catalog import nearest
from trainers.base.errors import UserError

if TYPE_CHECKING:
    from studies.workspace.paths import Home

SEED, FRONT = "seed", "front:"
FILES = (".toml", ".json")


def wishes(warm_start: str | list[str] | None) -> list[str]:
    """What is asked for, one by one."""
    if warm_start is None:
        return []
    return [warm_start] if isinstance(warm_start, str) else warm_start


def fault_of(wish: str) -> str | None:
    """What is wrong with a wish as it is written, or None; files and studies are looked into when a search starts."""
    if wish == SEED or wish.startswith(FRONT) or Path(wish).suffix in FILES or wish in zoo.names():
        return None
    hint = nearest(wish, [SEED, *zoo.names()])
    return f"no known model is called '{wish}'{hint}; others are front:STUDY and a .toml or .json file of architectures"


def architectures(wish: str, home: Home) -> list[Architecture]:
    """The architectures of a wish.

    Raises:
        UserError: no such study or file, or a file that does not hold architectures.
    """
    if wish == SEED:
        return [zoo.architecture(name) for name in zoo.names()]
    if wish.startswith(FRONT):
        from studies.storage.pareto_front import load_front

        return [Architecture.from_dict(point.architecture) for point in load_front(home, wish.removeprefix(FRONT))]
    if Path(wish).suffix in FILES:
        return _written_in(Path(wish))
    return [zoo.architecture(wish)]


def _written_in(path: Path) -> list[Architecture]:
    try:
        text = path.read_text(encoding="utf-8")
        held: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise UserError(f"search.warm_start: there is no file {path}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"search.warm_start: {path} cannot be read as {path.suffix[1:].upper()}: {error}") from None
    tables = held.get("architecture", held) if isinstance(held, dict) else held
    tables = tables if isinstance(tables, list) else [tables]
    found = []
    for place, table in enumerate(tables, 1):
        fields = table.get("architecture", table) if isinstance(table, dict) else None
        if not isinstance(fields, dict):
            raise UserError(f"search.warm_start: {path} must hold tables [[architecture]] of fields; number {place} is none")
        try:
            found.append(Architecture.from_dict(fields))
        except RefusedArchitecture as refusal:
            raise UserError(f"search.warm_start: architecture {place} of {path}: {refusal}") from None
    return found
