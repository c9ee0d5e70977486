"""Heads: from time steps to symbols, with their loss.

To add a head, put one file into this folder (docs/extending-components.md).
Contract: `search_space.contracts.Head`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from search_space.contracts import Head

heads: Catalog[type[Head]] = Catalog("head", "search_space.heads")
