"""What `search.warm_start` may say; the files and studies that it names are looked into when a search starts."""

from __future__ import annotations

from pathlib import Path

from search_space import zoo
from search_space.catalog import nearest
from studies.definition.architecture_file import SUFFIXES

SEED, FRONT = "seed", "front:"


def wishes(warm_start: str | list[str] | None) -> list[str]:
    """What is asked for, one by one."""
    if warm_start is None:
        return []
    return [warm_start] if isinstance(warm_start, str) else warm_start


def fault_of(wish: str) -> str | None:
    """What is wrong with a wish as it is written, or None; files and studies are looked into when a search starts."""
    if wish == SEED or wish.startswith(FRONT) or Path(wish).suffix in SUFFIXES or wish in zoo.names():
        return None
    hint = nearest(wish, [SEED, *zoo.names()])
    return f"no known model is called '{wish}'{hint}; others are front:STUDY and a .toml or .json file of architectures"
