"""A trial that a study has opened, before it is known what it is."""

from __future__ import annotations

from dataclasses import dataclass

from studies.definition.joint_space import Value


@dataclass(frozen=True)
class Proposal:
    """A trial that Optuna has opened.

    Attributes:
        number: the trial's number.
        params: value of each open field.
    """

    number: int
    params: dict[str, Value]
