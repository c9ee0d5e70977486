"""Rectifiers, which straighten the image before the backbone.

To add a rectifier, put one file into this folder (docs/extending-components.md).
Contract: `search_space.contracts.Rectifier`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from search_space.contracts import Rectifier

rectifiers: Catalog[type[Rectifier]] = Catalog("rectifier", "search_space.rectifiers", optional=True)
