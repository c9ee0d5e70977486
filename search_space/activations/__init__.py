"""Activations, which follow the convolutions.

To add an activation, put one file into this folder (docs/extending-components.md).
Contract: `search_space.contracts.Activation`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from search_space.contracts import Activation

activations: Catalog[type[Activation]] = Catalog("activation", "search_space.activations")
