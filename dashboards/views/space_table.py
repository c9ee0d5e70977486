"""The table of all that an architecture may be, as Markdown: made from the catalogs, for docs/search_space.md.

`python -m dashboards.views.space_table` prints it; `python -m dashboards.views.space_table docs/search_space.md` puts it
between the marks there.
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
    """A row for each field of an architecture, in declaration order; names lead to their papers."""
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
    """A document with the table between its two marks replaced by the current one.

    Raises:
        ValueError: the marks are not there.
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
