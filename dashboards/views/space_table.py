"""Generates the table of the search space in docs/search_space.md from the catalogs.

`python -m dashboards.views.space_table` prints it, `python -m dashboards.views.space_table docs/search_space.md` writes it
between the two marks of that file.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

from search_space.architecture import Architecture
from search_space.catalog import Catalog
from search_space.rules import CATALOGS, CHOICES, RANGES

BEGIN = "<!-- the space: made by python -m dashboards.views.space_table docs/search_space.md -->"
END = "<!-- end of the space -->"


def space_table() -> str:
    """The table in Markdown: a row for each field of an architecture, with links from components to their papers."""
    rows = ["| field | values |", "|---|---|"]
    rows += [f"| `{field.name}` | {_values(field.name)} |" for field in fields(Architecture)]
    return "\n".join(rows)


def _values(field: str) -> str:
    if field in CATALOGS:
        return ", ".join(_linked(CATALOGS[field], name) for name in CATALOGS[field].choices())
    if field in RANGES:
        low, high = RANGES[field]
        return f"{low} to {high}"
    return ", ".join(f"`{choice}`" for choice in CHOICES[field] if choice is not None)


def _linked(catalog: Catalog[type], name: str) -> str:
    shown = "`timm/<name>`" if name == "timm" else f"`{name}`"
    citation = None if name == "none" else catalog.citation(name)
    return shown if citation is None else f"[{shown}]({citation.url})"


def with_space_table(text: str) -> str:
    """Replaces the table between the two marks of a document.

    Raises:
        ValueError: the document does not have the marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the table goes between '{BEGIN}' and '{END}', which are not there")
    return f"{before}{BEGIN}\n{space_table()}\n{END}{after}"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        file = Path(sys.argv[1])
        file.write_text(with_space_table(file.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(space_table())
