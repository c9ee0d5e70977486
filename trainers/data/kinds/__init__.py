"""Kinds of data sources. Each file recognises one kind and reads its lines.

A file registers its kind with a decorator. An installed package adds a kind with an entry point of the group
`paretext.data_kind` (`docs/extending-data.md`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from trainers.data.source import DataKind

data_kinds: Catalog[type[DataKind]] = Catalog("data kind", "trainers.data.kinds", entry_points="paretext.data_kind")
