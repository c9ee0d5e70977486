"""Kinds of data sources, one file each: what they look like, and how their lines are read.

A file registers its kind with one decorator; an installed package adds one by an entry point of the group
`paretext.data_kind` (`docs/extending-data.md`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_space.catalog import Catalog

if TYPE_CHECKING:
    from trainers.data.source import DataKind

data_kinds: Catalog[type[DataKind]] = Catalog("data kind", "trainers.data.kinds", entry_points="paretext.data_kind")
