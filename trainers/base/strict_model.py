"""Base class of settings: frozen values that pydantic validates, and that can be stored as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from trainers.base.validation_errors import InvalidSettings, error_lines


class StrictModel(BaseModel):
    """Settings in which an unknown key is an error. Values are not converted to another type, except int to float.

    Attributes:
        called: prefix of each key in messages; empty for none.

    Raises:
        InvalidSettings: a `UserError` that names every wrong key and value, one line.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    called: ClassVar[str] = ""

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise InvalidSettings("; ".join(error_lines(error, type(self), self.called))) from None

    def as_dict(self) -> dict[str, Any]:
        """All values by name, as JSON can hold them."""
        return self.model_dump()

    def with_(self, **changes: Any) -> Self:
        """Returns a validated copy with some values replaced.

        Raises:
            InvalidSettings: a name is unknown, or a value is out of range.
        """
        return type(self)(**{**self.as_dict(), **changes})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Builds settings from named values; the others take their defaults.

        Raises:
            InvalidSettings: a name is unknown (the message has the most similar one), or a value is missing or out of range.
        """
        return cls(**values)
