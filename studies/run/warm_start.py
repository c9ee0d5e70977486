"""What a study tries first: known models, the front of another study, architectures that the user wrote.

seed                    the published models
ppocrv4_mobile          a known model
front:signs             the front of study `signs`: its architectures, whatever data and charset they were found on
mine.toml               architectures in a file: tables [[architecture]], or JSON: a list of such, as `front --json` prints it
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from search_space import Architecture, zoo
from studies.definition.architecture_file import SUFFIXES, read_architectures
from studies.definition.warm_start_spec import FRONT, SEED
from trainers.base.errors import UserError

if TYPE_CHECKING:
    from studies.workspace.paths import Workspace


def architectures(entry: str, workspace: Workspace) -> list[Architecture]:
    """The architectures of one entry of `search.warm_start`.

    Raises:
        UserError: no such study or file, or a file that does not hold architectures.
    """
    if entry == SEED:
        return [zoo.architecture(name) for name in zoo.names()]
    if entry.startswith(FRONT):
        from studies.storage.pareto_front import load_front

        return [Architecture.from_dict(point.architecture) for point in load_front(workspace, entry.removeprefix(FRONT))]
    if Path(entry).suffix in SUFFIXES:
        try:
            return read_architectures(Path(entry))
        except UserError as error:
            raise UserError(f"search.warm_start: {error}") from None
    return [zoo.architecture(entry)]
