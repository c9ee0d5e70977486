"""What relates the time steps to one another; contract: `search_space.contracts.Encoder`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from search_space.contracts import Encoder

encoders: Catalog[type[Encoder]] = Catalog("encoder", "search_space.encoders")
