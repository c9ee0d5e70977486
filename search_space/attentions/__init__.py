"""Channel attention inside backbone blocks; contract: `search_space.contracts.Attention`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from search_space.contracts import Attention

attentions: Catalog[type[Attention]] = Catalog("attention", "search_space.attentions")
