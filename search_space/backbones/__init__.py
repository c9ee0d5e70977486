"""Backbones: from an image to feature maps.

To add a backbone, put one file into this folder (docs/extending-components.md).
Contract: `search_space.contracts.Backbone`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from search_space.contracts import Backbone

backbones: Catalog[type[Backbone]] = Catalog("backbone", "search_space.backbones")
