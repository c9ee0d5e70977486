"""Poolings: the last pooling leaves one row.

To add a pooling, put one file into this folder (docs/extending-components.md).
Contract: `search_space.contracts.Pooling`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from search_space.contracts import Pooling

poolings: Catalog[type[Pooling]] = Catalog("pooling", "search_space.poolings")
