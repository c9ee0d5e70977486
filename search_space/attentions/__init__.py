"""Attentions inside the blocks of a backbone.

To add an attention, put one file into this folder (docs/extending-components.md).
Contract: `search_space.contracts.Attention`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from search_space.contracts import Attention

attentions: Catalog[type[Attention]] = Catalog("attention", "search_space.attentions")
