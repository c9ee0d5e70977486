"""The URI of a registered model: `models:/NAME@ALIAS` or `models:/NAME/VERSION`, as MLflow writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainers.base.errors import UserError

SCHEME = "models:"
"""How every URI of a registered model begins."""
_FORM = re.compile(r"models:/([^/@]+)(?:@([^/@]+)|/([0-9]+))")


@dataclass(frozen=True)
class ModelAddress:
    """The parts of a URI; either the alias or the version is given.

    Attributes:
        name: of the registered model.
        alias: such as `champion`.
        version: its number, as text.
    """

    name: str
    alias: str | None
    version: str | None


def parse_address(text: str) -> ModelAddress:
    """Parses the URI of a registered model; whether there is such a model is not looked up.

    Raises:
        UserError: the text has another form.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise UserError(f"'{text}' is not the URI of a registered model; write models:/NAME@champion or models:/NAME/VERSION")
    return ModelAddress(*match.groups())
