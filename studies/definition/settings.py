"""Every setting of a study as data, read off the pydantic models: for the command line and for the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from studies.definition.data_section import Data
from studies.definition.section_types import Flag, StudySection
from studies.definition.sections import Budget, Limits, Search
from studies.definition.study import Study

T = TypeVar("T")

SECTIONS: dict[str, type[StudySection]] = {"": Study, "data": Data, "limits": Limits, "budget": Budget, "search": Search}
"""Name of a section in a study file to its model; the first is the file itself."""


@dataclass(frozen=True)
class Setting:
    """A setting of a study.

    Attributes:
        section: where it stands in a study file; empty for the file itself.
        name: its key there.
        field: type, default, description and example.
    """

    section: str
    name: str
    field: FieldInfo

    @property
    def key(self) -> str:
        """Its dotted name, as in `Study.with_overrides`."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def flag(self) -> Flag | None:
        """Its option on the command line, if it has one."""
        return next((held for held in self.field.metadata if isinstance(held, Flag)), None)

    @property
    def description(self) -> str:
        """Description of the setting, for help and docs."""
        return self.field.description or ""

    @property
    def example(self) -> Any:
        """An example of a value; None if there is none."""
        return self.field.examples[0] if self.field.examples else None

    @property
    def default(self) -> Any:
        """The value of a setting that is not given."""
        return self.field.get_default(call_default_factory=True)

    @property
    def is_number(self) -> bool:
        """Whether it is a whole number."""
        kinds = _kinds(self.field.annotation)
        return int in kinds and str not in kinds

    @property
    def least(self) -> int:
        """The smallest allowed whole number."""
        return next((int(held.ge) for held in self.field.metadata if hasattr(held, "ge")), 0)

    @property
    def may_be_off(self) -> bool:
        """Whether false is a value of it, beside its texts."""
        return False in _kinds(self.field.annotation) and str in _kinds(self.field.annotation)

    @property
    def choices(self) -> tuple[str, ...]:
        """The allowed words; empty if it has no fixed choices."""
        return get_args(self.field.annotation) if get_origin(self.field.annotation) is Literal else ()

    def check(self, value: T) -> T:
        """A value as it is written in a file or on the command line, once it has been found to be valid.

        Raises:
            ValueError: what is wrong with it.
        """
        kind: Any = self.field.annotation
        if self.field.metadata:
            kind = Annotated[kind, *self.field.metadata]
        try:
            TypeAdapter(kind).validate_python(value)
        except ValidationError as error:
            fault = error.errors()[0]
            raise ValueError(str(fault.get("ctx", {}).get("error", fault["msg"]))) from None
        return value


def settings() -> Iterator[Setting]:
    """Every setting, in the order of a study file."""
    for section, model in SECTIONS.items():
        for name, field in model.model_fields.items():
            if name not in SECTIONS:
                yield Setting(section, name, field)


def _kinds(annotation: Any) -> set[Any]:
    """The types that make up a union."""
    return {annotation} | {kind for part in get_args(annotation) for kind in _kinds(part)}
