"""What the sections of a study file are made of: their base class, the types of values, and the option of a setting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from search_space.units import parse_count, parse_size
from studies.definition.durations import parse_duration, parse_milliseconds


@dataclass(frozen=True)
class Flag:
    """The option of `paretext search` that replaces a setting; an annotation of the setting's field.

    Attributes:
        option: such as `--size-limit`.
        metavar: what stands for its value in the help.
        several: whether the option takes several values with commas between them.
    """

    option: str
    metavar: str
    several: bool = False


class StudySection(BaseModel):
    """Base of all sections: an unknown key is an error, and a value is never converted into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _readable(parse: Callable[[str], float]) -> AfterValidator:
    """Accepts a text that can be parsed, and leaves it as it is written."""

    def check(value: str | int) -> str | int:
        parse(str(value))
        return value

    return AfterValidator(check)


Size = Annotated[str, _readable(parse_size)]
Count = Annotated[str | int, _readable(parse_count)]
Duration = Annotated[str, _readable(parse_duration)]
Milliseconds = Annotated[str, _readable(parse_milliseconds)]
