"""Necks, which fuse three feature maps of different height.

To add a neck, put one file into this folder (docs/extending-components.md).
Contract: `search_space.contracts.Neck`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from search_space.contracts import Neck

necks: Catalog[type[Neck]] = Catalog("neck", "search_space.necks", optional=True)
