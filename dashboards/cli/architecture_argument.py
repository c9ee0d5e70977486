"""Parses an architecture on the command line: the name of a known model, a file, or fields and values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.base.errors import UserError

if TYPE_CHECKING:
    from search_space import Architecture

FORMS = "a known model's name (see 'paretext models'), a .json or .toml file, or field=value,field=value"


def read_architecture(text: str) -> Architecture:
    """Parses an architecture.

    Args:
        text: one of `FORMS`. A file holds the fields, or a table `architecture` of them, as `front --json` prints it.

    Raises:
        UserError: the text has none of these forms, or the file cannot be read.
        RefusedArchitecture: a field is unknown, or the combination cannot be built.
    """
    from search_space import Architecture, zoo
    from studies.definition.architecture_file import SUFFIXES, read_architectures

    if Path(text).suffix in SUFFIXES:
        found = read_architectures(Path(text))
        if len(found) != 1:
            raise UserError(f"{text} must hold one architecture, and holds {len(found)}")
        return found[0]
    if "=" in text:
        return Architecture.from_dict(dict(_field(part) for part in text.split(",") if part.strip()))
    try:
        return zoo.architecture(text)
    except zoo.UnknownModel as error:
        raise UserError(f"{error}; an architecture is {FORMS}") from None


def _field(part: str) -> tuple[str, Any]:
    name, equals, value = (word.strip() for word in part.partition("="))
    if not (name and equals and value):
        raise UserError(f"'{part.strip()}' is not field=value; write for example width_percent=50,encoder_hidden=64")
    return name, int(value) if value.isdecimal() else value
