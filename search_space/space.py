"""A search space: for each field of an architecture, the values a study may choose from.

Decisions:
- The space is flat: every open field is one parameter, asked for in declaration order, independent of the others.
- The choices are written out in the study, never "all that is registered": Optuna refuses a study whose categories changed.
- A field with one choice is fixed and is not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from search_space.architecture import Architecture
from search_space.catalog import nearest

Choice = str | int | None


class Chooser(Protocol):
    """Chooses one of the values of a field, for example with a sampler or at random."""

    def __call__(self, field: str, choices: Sequence[Choice]) -> Choice: ...


@dataclass(frozen=True)
class SearchSpace:
    """The open and fixed fields of a study.

    Attributes:
        choices: field to its possible values, in order; fields that are missing have the architecture's default.

    Raises:
        ValueError: a field is unknown, a list is empty or repeats a value, or no architecture can have a value. The message
            has all faults.
    """

    choices: Mapping[str, tuple[Choice, ...]]

    def __post_init__(self) -> None:
        faults = self.faults()
        if faults:
            raise ValueError("; ".join(faults))

    def faults(self) -> list[str]:
        """All faults of the choices, a line each."""
        known = [f.name for f in fields(Architecture)]
        found = []
        for field, values in self.choices.items():
            if field not in known:
                found.append(f"space has no field '{field}'{nearest(field, known)}")
            elif not values:
                found.append(f"space.{field} lists no value; name at least one")
            elif len(set(values)) < len(values):
                found.append(f"space.{field} lists a value twice")
            else:
                found += [f"space.{field}: {reason}" for value in values if (reason := _refusal_of(field, value))]
        return found

    @property
    def open_fields(self) -> list[str]:
        """Fields with more than one choice, in the architecture's declaration order."""
        return [f.name for f in fields(Architecture) if len(self.choices.get(f.name, ())) > 1]

    @property
    def size(self) -> int:
        """The number of combinations, including refused and equal ones."""
        total = 1
        for field in self.open_fields:
            total *= len(self.choices[field])
        return total

    def sample(self, choose: Chooser) -> Architecture:
        """An architecture whose open fields are chosen by `choose`.

        Raises:
            RefusedArchitecture: the combination cannot be built; all fields have been chosen by then.
        """
        values: dict[str, Any] = {field: values[0] for field, values in self.choices.items()}
        for field in self.open_fields:
            values[field] = choose(field, self.choices[field])
        return Architecture(**values)


def _refusal_of(field: str, value: Choice) -> str | None:
    """The reason why no architecture can have this value in this field; None if there is none. Ignores rules between fields."""
    from search_space.rules import own_reasons

    return next(iter(own_reasons(field, value)), None)
