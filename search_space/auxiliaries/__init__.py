"""Second losses of training, gone at export; contract: `search_space.contracts.Auxiliary`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from search_space.contracts import Auxiliary

auxiliaries: Catalog[type[Auxiliary]] = Catalog("auxiliary", "search_space.auxiliaries", optional=True)
