"""Encoders, which relate the time steps to each other.

To add an encoder, put one file into this folder (docs/extending-components.md).
Contract: `search_space.contracts.Encoder`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from search_space.contracts import Encoder

encoders: Catalog[type[Encoder]] = Catalog("encoder", "search_space.encoders")
