"""What `search.warm_start` may say; the files and studies that it names are looked into when a search starts."""

from __future__ import annotations

from pathlib import Path

from search_space import zoo
from search_space.catalog import nearest
from studies.definition.architecture_file import SUFFIXES

SEED, FRONT = "seed", "front:"


def warm_start_entries(warm_start: str | list[str] | None) -> list[str]:
    """The entries of `search.warm_start`, in their order."""
    if warm_start is None:
        return []
    return [warm_start] if isinstance(warm_start, str) else warm_start


def entry_fault(entry: str) -> str | None:
    """What is wrong with an entry as it is written, or None; files and studies are read when a search starts."""
    if entry == SEED or entry.startswith(FRONT) or Path(entry).suffix in SUFFIXES or entry in zoo.names():
        return None
    hint = nearest(entry, [SEED, *zoo.names()])
    return f"no known model is called '{entry}'{hint}; others are front:STUDY and a .toml or .json file of architectures"
