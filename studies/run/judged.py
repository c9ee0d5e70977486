"""What a proposal turns out to be: it may train, it is answered at once, or it waits for an equal training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from search_space.architecture import Architecture
from studies.definition.configuration import Configuration
from studies.definition.joint_space import Value
from studies.objectives.costs import Costs
from studies.run.precision_variants import PrecisionVariants
from studies.storage.outcomes import Outcome
from studies.storage.stored_trial import StoredTrial


@dataclass(frozen=True)
class Ready:
    """A configuration that may train.

    Attributes:
        number: its trial.
        configuration: what to train, and with which recipe settings.
        costs: what is known of its costs before it is trained.
        params: value of each open parameter, as far as the space has it.
        variants: what the same training gives besides.
        continues: the measured trial whose training it takes further; None for any other.
    """

    number: int
    configuration: Configuration
    costs: Costs
    params: Mapping[str, Value] = field(default_factory=dict)
    variants: PrecisionVariants | None = field(default=None, repr=False, compare=False)
    continues: int | None = None

    @property
    def architecture(self) -> Architecture:
        """What to train."""
        return self.configuration.architecture

    @property
    def digest(self) -> str:
        """Of the configuration; it names the folder and the file."""
        return self.configuration.digest

    @property
    def size_bytes(self) -> int:
        """The estimate of its file."""
        return self.costs.size_bytes

    @cached_property
    def variant_params(self) -> tuple[Mapping[str, Value], ...]:
        """Its parameters in every precision; kept, since samplers recognise thousands that are paused by these objects."""
        return (self.params,) if self.variants is None else tuple(self.variants.params(self.params))

    def closed(self, outcome: Outcome) -> StoredTrial:
        """Its trial with an outcome."""
        return record_of(self.number, self.params, self.configuration, self.costs, outcome, self.continues)


@dataclass(frozen=True)
class Answered:
    """A proposal that is not trained: the trial with its outcome, to be closed."""

    trial: StoredTrial


@dataclass(frozen=True)
class AwaitsOther:
    """A proposal that equals a training under way: its trial stays open until trial `of` is closed."""

    trial: StoredTrial
    of: int


@dataclass(frozen=True)
class Exhausted:
    """Nothing new could be proposed; `reason` says why and what would help."""

    reason: str


Judgement = Ready | Answered | AwaitsOther
"""The three kinds of proposals."""


def record_of(
    number: int,
    params: Mapping[str, Value],
    configuration: Configuration,
    costs: Costs | None,
    outcome: Outcome,
    continues: int | None = None,
) -> StoredTrial:
    """The record of a trial, as `StoredTrial.of` makes it."""
    return StoredTrial.of(number, params, configuration.architecture, costs, outcome, continues, configuration.recipe)
