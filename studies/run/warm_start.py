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
from studies.definition.warm_start_spec import FILES, FRONT, SEED
from trainers.base.errors import UserError

if TYPE_CHECKING:
    from studies.workspace.paths import Workspace


def architectures(wish: str, workspace: Workspace) -> list[Architecture]:
    """The architectures of a wish.

    Raises:
        UserError: no such study or file, or a file that does not hold architectures.
    """
    if wish == SEED:
        return [zoo.architecture(name) for name in zoo.names()]
    if wish.startswith(FRONT):
        from studies.storage.pareto_front import load_front

        return [Architecture.from_dict(point.architecture) for point in load_front(workspace, wish.removeprefix(FRONT))]
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
