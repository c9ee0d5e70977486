"""Auxiliary losses, which are used in training and left out of the exported file.

To add an auxiliary loss, put one file into this folder (docs/extending-components.md).
Contract: `search_space.contracts.Auxiliary`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from search_space.contracts import Auxiliary

auxiliaries: Catalog[type[Auxiliary]] = Catalog("auxiliary", "search_space.auxiliaries", optional=True)
