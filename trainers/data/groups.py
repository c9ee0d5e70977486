"""The group of each line, such as its page or its writer: whole groups go to one side of a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from trainers.base.errors import UserError
from trainers.data.arrays import LineArrays
from trainers.data.source_registry import find_source

FOLDER = "folder"
"""The key that every source has: the folder of the image."""


@runtime_checkable
class HasColumns(Protocol):
    """A source whose lines have more columns, such as a table."""

    def column(self, name: str) -> Mapping[str, str]:
        """The values of a column, by the name of the line.

        Raises:
            UserError: the source has no such column.
        """
        ...


def groups_of(lines: LineArrays, sources: Sequence[str], key: str, seed: int) -> list[str | None]:
    """Finds the group of each line.

    Args:
        lines: lines of all sources, in their order.
        sources: names of the sources.
        key: `folder`, or a column of a table or a Hugging Face dataset. Equal values of a column are one group in all sources;
            equal folder names in two sources are two groups.
        seed: seed of generated lines.

    Returns:
        The name of the group of each line; None if the column is empty.

    Raises:
        UserError: a source has no such column.
    """
    if key == FOLDER:
        return [f"{lines.source_of(i)}/{_folder(lines.name(i))}" for i in range(len(lines))]
    columns = []
    for text in sources:
        source = find_source(text, seed)
        if not isinstance(source, HasColumns):
            raise UserError(f'{text} has no columns, so group must be "{FOLDER}", not "{key}"')
        columns.append(source.column(key))
    return [columns[lines.source_of(i)].get(lines.name(i)) or None for i in range(len(lines))]


def _folder(name: str) -> str:
    """The folder of an image, also in a list that was written on Windows."""
    return name.replace("\\", "/").rpartition("/")[0]
