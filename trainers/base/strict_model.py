"""Base of settings that travel: frozen values, checked by pydantic, written as JSON and built from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from trainers.base.validation_errors import InvalidSettings, error_lines


class StrictModel(BaseModel):
    """Settings in which an unknown key is an error and a value is never converted into another type, but int to float.

    Attributes:
        called: what stands before each key in a message; empty for none.

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
        """Every value by name; JSON can write it."""
        return self.model_dump()

    def with_(self, **changes: Any) -> Self:
        """A copy with some values replaced, checked like any other.

        Raises:
            InvalidSettings: an unknown name, or a value out of its range.
        """
        return type(self)(**{**self.as_dict(), **changes})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Builds one from named values; those left out take their defaults.

        Raises:
            InvalidSettings: an unknown name, with the nearest known one, a missing value, or one out of its range.
        """
        return cls(**values)
