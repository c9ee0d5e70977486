"""Generates the table of the search space in docs/search_space.md from the catalogs, the defaults and the built-in space.

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
from studies.definition.study import DEFAULT_SPACE

BEGIN = "<!-- the space: made by python -m dashboards.views.space_table docs/search_space.md -->"
END = "<!-- end of the space -->"

MEANINGS = {
    "backbone": "the convolutional network that reads the image",
    "width_percent": "channels of the backbone, in percent of those in its paper",
    "neck": "joins feature maps of several scales",
    "attention": "channel attention inside the backbone",
    "activation": "that of the backbone's paper (`standard`), or another one",
    "pooling": "the last pooling, which leaves one row",
    "encoder": "relates the time steps to each other",
    "encoder_hidden": "its features per direction (gru, lstm) or its width (svtr)",
    "encoder_layers": "its stacked layers or blocks",
    "head": "gives the characters",
    "head_rank": "width of the bottleneck (`ctc_low_rank`) or of the decoder (`attention`)",
    "rectifier": "straightens the image before the backbone",
    "auxiliary": "an additional loss in training, which is not exported",
    "height_px": "rows of the input",
    "time_stride": "columns of the input for each time step",
    "prune_percent": "percentage of the backbone's FLOPs that pruning removes",
    "prune_criterion": "which channels pruning removes",
    "precision": "how the file stores weights",
}
"""What each field is, in a few words."""


def space_table() -> str:
    """The table in Markdown: a row for each field of an architecture, with links from components to their papers."""
    rows = ["| field | what it is | values | default | built-in space |", "|---|---|---|---|---|"]
    for field in fields(Architecture):
        default = "" if field.default in (None, 0) and field.name != "prune_percent" else f"`{field.default}`"
        searched = ", ".join(f"`{value}`" for value in DEFAULT_SPACE.get(field.name, ()))
        rows.append(f"| `{field.name}` | {MEANINGS[field.name]} | {_values(field.name)} | {default} | {searched} |")
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
