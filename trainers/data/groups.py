"""The group of each line, such as its page or its writer: whole groups go to one side of a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from trainers.base.errors import UserError
from trainers.data.arrays import LineArrays
from trainers.data.source_registry import find_source

FOLDER = "folder"
"""The key that every source has: the folder in the name of an image."""


@runtime_checkable
class HasColumns(Protocol):
    """A source whose lines have further columns, such as a table's."""

    def column(self, name: str) -> Mapping[str, str]:
        """Name of a line to its value in a column.

        Raises:
            UserError: there is no such column.
        """
        ...


def groups_of(lines: LineArrays, sources: Sequence[str], key: str, seed: int) -> list[str | None]:
    """The group of each line.

    Args:
        lines: of the sources, in their order.
        sources: names of the sources.
        key: `folder`, or a column of a table or a Hugging Face set. A value of a column means the same in every source, a
            folder does not.
        seed: of generated lines.

    Returns:
        A name for each line; None where its column is empty.

    Raises:
        UserError: a source has no such column.
    """
    if key == FOLDER:
        return [f"{lines.source_of(i)}/{lines.name(i).rpartition('/')[0]}" for i in range(len(lines))]
    columns = []
    for text in sources:
        source = find_source(text, seed)
        if not isinstance(source, HasColumns):
            raise UserError(f'{text} has no columns, so group must be "{FOLDER}", not "{key}"')
        columns.append(source.column(key))
    return [columns[lines.source_of(i)].get(lines.name(i)) or None for i in range(len(lines))]
