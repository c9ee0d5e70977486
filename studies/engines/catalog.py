"""The catalog of engines. An engine is a file in this folder, or an installed package with an entry point `paretext.engine`.

`docs/extending-engines.md` shows how to add one. Listing the names imports neither Ray nor torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from studies.definition.sections import Search
    from studies.engines.base import Engine

engines: Catalog[Callable[[Search], Engine]] = Catalog("engine", "studies.engines")
"""Maps a name to a function that takes the `[search]` settings of a study and starts the engine.

The function raises UserError if the engine cannot be started with these settings.
"""
