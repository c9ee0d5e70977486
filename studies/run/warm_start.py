"""What a study tries first: known models, the front of another study, architectures that the user wrote.

seed                    all known models, which `paretext models` lists
ppocrv4_mobile_like     one of them
front:signs             the front of study `signs`: its architectures, whatever data and charset they were found on
mine.toml               architectures in a file: tables [[architecture]], or JSON: a list of such, as `front --json` prints it

Where this study searches recipe settings, what comes from a front has the settings that it had there, as far as they are listed
here; everything else has the default of each setting (`studies.definition.recipe_space`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from search_space import Architecture, zoo
from studies.definition.architecture_file import SUFFIXES, read_configurations
from studies.definition.configuration import Configuration
from studies.definition.recipe_space import searchable_settings
from studies.definition.warm_start_spec import FRONT, SEED
from trainers.base.errors import UserError

if TYPE_CHECKING:
    from studies.workspace.paths import Workspace


def configurations(entry: str, workspace: Workspace) -> list[Configuration]:
    """The architectures of one entry of `search.warm_start`, with what is known of the recipes that trained them.

    Raises:
        UserError: no such study or file, or a file that does not hold architectures.
    """
    if entry == SEED:
        return [Configuration(zoo.architecture(name)) for name in zoo.names()]
    if entry.startswith(FRONT):
        from studies.storage.pareto_front import load_front

        front = load_front(workspace, entry.removeprefix(FRONT))
        return [Configuration(Architecture.from_dict(p.architecture), searchable_settings(p.recipe)) for p in front]
    if Path(entry).suffix in SUFFIXES:
        try:
            return read_configurations(Path(entry))
        except UserError as error:
            raise UserError(f"search.warm_start: {error}") from None
    return [Configuration(zoo.architecture(entry))]
