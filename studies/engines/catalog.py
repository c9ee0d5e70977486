"""Catalog of engines: a file in this folder, or an installed package with an entry point `paretext.engine`.

`docs/extending-engines.md` adds one. Names are read without importing an engine, so neither Ray nor torch is loaded for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from studies.definition.sections import Search
    from studies.engines.base import Engine

engines: Catalog[Callable[[Search], Engine]] = Catalog("engine", "studies.engines")
"""Name to a function that takes the `[search]` settings of a study and starts an engine.

It raises UserError when the engine cannot be started as the settings ask.
"""
