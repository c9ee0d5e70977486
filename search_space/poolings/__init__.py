"""The last pooling, which leaves one row; contract: `search_space.contracts.Pooling`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from search_space.contracts import Pooling

poolings: Catalog[type[Pooling]] = Catalog("pooling", "search_space.poolings")
