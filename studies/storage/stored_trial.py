"""A trial of a study as one typed record: what was proposed, how far it was trained, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any, assert_never

from search_space.architecture import Architecture
from studies.definition.configuration import Configuration, RecipeValue
from studies.definition.joint_space import Value
from studies.objectives.costs import Costs
from studies.storage.outcomes import (
    CheckpointOf,
    Duplicate,
    Failed,
    Measured,
    Outcome,
    OverLimit,
    PrecisionVariantOf,
    Refused,
    Running,
    Stopped,
    Suspended,
)
from trainers.base.candidate import READING_CER, Measurement
from trainers.base.lineage import Lineage

RUNNING = Running()
"""The outcome of an open trial; it holds nothing, so one object serves all."""


@dataclass(frozen=True)
class RungResult:
    """What a training had reached at a rung.

    Attributes:
        cer: character error rate of the validation lines, 0 and up.
        accuracy: share of validation lines without an error, in [0, 1].
    """

    cer: float
    accuracy: float

    @property
    def reads(self) -> bool:
        """Whether it read anything by then; see `trainers.base.candidate.READING_CER`."""
        return self.cer < READING_CER


@dataclass(frozen=True)
class TrainingMark:
    """Who trains an open trial; written before the training starts, so that a later run knows what a killed one left.

    Attributes:
        owner: the process, `host:pid`.
        until: the epoch at which the training pauses or ends.
        folder: where its checkpoint is.
    """

    owner: str
    until: int
    folder: str


@dataclass(frozen=True)
class StoredTrial:
    """One trial.

    Attributes:
        number: its number in the study.
        params: value of each open parameter of the space; of some, for a known model from outside the space.
        outcome: what became of it.
        fields: every field of its architecture; None when it cannot be built, or has not been judged yet.
        digest: of its configuration; None when `fields` is.
        costs: what was known before training; None when nothing was.
        rungs: epoch to what the training had reached then, lowest first.
        training: who trains it, or was the last to do so; None when it never started.
        continues: number of the measured trial whose training it takes beyond the epoch at which that one ended; None: of none.
        lineage: what its network inherited when its training began; None: nothing, or it has not begun.
        recipe: value of each recipe setting that the study searches; empty when it searches none, or `fields` is None.
        stored_as: precision of its file, where that is not the one of `fields` because it takes fewer bytes.
        opened: when it was opened, in local time; None when that is not known, as of a trial that this process has just made.
        closed_at: when it was closed, in local time; None while it is open, and of a trial that this process has just closed.
    """

    number: int
    params: Mapping[str, Value]
    outcome: Outcome = RUNNING
    fields: Mapping[str, Any] | None = None
    digest: str | None = None
    costs: Costs | None = None
    rungs: Mapping[int, RungResult] = field(default_factory=dict)
    training: TrainingMark | None = None
    continues: int | None = None
    lineage: Lineage | None = None
    recipe: Mapping[str, RecipeValue] = field(default_factory=dict)
    stored_as: str | None = None
    opened: datetime | None = field(default=None, compare=False)
    closed_at: datetime | None = field(default=None, compare=False)

    @classmethod
    def of(
        cls,
        number: int,
        params: Mapping[str, Value],
        architecture: Architecture,
        costs: Costs | None,
        outcome: Outcome,
        continues: int | None = None,
        recipe: Mapping[str, RecipeValue] = MappingProxyType({}),
    ) -> StoredTrial:
        """The record of a trial of this process, whose architecture is at hand."""
        digest = Configuration(architecture, recipe).digest
        made = cls(number, params, outcome, digest=digest, costs=costs, continues=continues, recipe=dict(recipe))
        made.__dict__["architecture"] = architecture  # what the cached property would work out from `fields`
        return made

    @cached_property
    def architecture(self) -> Architecture | None:
        """Its architecture; None when it cannot be built, or has not been judged yet.

        Raises:
            RefusedArchitecture: this version of Paretext refuses what an earlier one has built.
        """
        return None if self.fields is None else Architecture.from_dict(self.fields)

    @property
    def configuration(self) -> Configuration | None:
        """What it trains; None when its architecture cannot be built, or has not been judged yet."""
        return None if self.architecture is None else Configuration(self.architecture, self.recipe)

    @property
    def stored_configuration(self) -> Configuration | None:
        """The same with the precision of its file."""
        if self.configuration is None or self.stored_as is None:
            return self.configuration
        return self.configuration.with_(precision=self.stored_as)

    def stored(self, precision: str) -> StoredTrial:
        """The same trial with the precision of its file."""
        is_as_asked = self.architecture is None or self.architecture.precision == precision
        return self if is_as_asked else self._with(stored_as=precision)

    def closed(self, outcome: Outcome) -> StoredTrial:
        """The same trial with an outcome."""
        return self._with(outcome=outcome)

    def inheriting(self, lineage: Lineage | None) -> StoredTrial:
        """The same trial with what its network inherited."""
        return self if lineage is None else self._with(lineage=lineage)

    def numbered(self, number: int) -> StoredTrial:
        """The same trial under another number."""
        return self._with(number=number)

    def _with(self, **changes: Any) -> StoredTrial:
        made = replace(self, **changes)
        if "architecture" in self.__dict__:
            made.__dict__["architecture"] = self.__dict__["architecture"]
        return made

    @property
    def is_open(self) -> bool:
        """Whether it is proposed, in training, or paused at a rung."""
        return isinstance(self.outcome, Running)

    @property
    def counts_against_budget(self) -> bool:
        """Whether it is one of the trained candidates that `budget.trials` counts; one that only trained further is not."""
        return self.is_trained and self.continues is None

    @property
    def is_trained(self) -> bool:
        """Whether it is closed and had a training of its own that will not be resumed in its name."""
        match self.outcome:
            case Measured() | Stopped() | Failed():
                return True
            case OverLimit(measurement=measurement):
                return measurement is not None
            case Running() | PrecisionVariantOf() | CheckpointOf() | Suspended() | Refused() | Duplicate():
                return False
            case _:
                assert_never(self.outcome)

    @property
    def may_be_resumed(self) -> bool:
        """Whether the next run of the study resumes its training."""
        return isinstance(self.outcome, Suspended)

    @property
    def is_candidate(self) -> bool:
        """Whether it may lie on the Pareto front: measured from a file of its own, and not a duplicate."""
        return isinstance(self.outcome, Measured | PrecisionVariantOf | CheckpointOf)

    @property
    def measurement(self) -> Measurement | None:
        """What was measured from its file, or from the file that answered for it; None when nothing was."""
        match self.outcome:
            case (
                Measured(measurement=measurement)
                | PrecisionVariantOf(measurement=measurement)
                | CheckpointOf(measurement=measurement)
            ):
                return measurement
            case OverLimit(measurement=measurement):
                return measurement
            case Duplicate(result=Measured(measurement=measurement) | PrecisionVariantOf(measurement=measurement)):
                return measurement
            case Running() | Stopped() | Suspended() | Failed() | Refused() | Duplicate():
                return None
            case _:
                assert_never(self.outcome)

    @property
    def reason(self) -> str:
        """Why it ended, one line; empty for a candidate that was trained to the end, and while it is open."""
        match self.outcome:
            case Running() | Measured():
                return ""
            case CheckpointOf():
                return self.outcome.reason
            case (
                PrecisionVariantOf(reason=reason)
                | Stopped(reason=reason)
                | Suspended(reason=reason)
                | Failed(reason=reason)
                | OverLimit(reason=reason)
                | Refused(reason=reason)
                | Duplicate(reason=reason)
            ):
                return reason
            case _:
                assert_never(self.outcome)

    @property
    def epochs_trained(self) -> int:
        """Epochs of its own training, up to the last rung where it was killed; 0 for what has no training of its own."""
        reached = max(self.rungs, default=0)
        match self.outcome:
            case (
                Measured(epochs=epochs)
                | Stopped(epochs=epochs)
                | Suspended(epochs=epochs)
                | OverLimit(epochs=epochs)
                | Failed(epochs=epochs)
            ):
                return max(epochs, reached)
            case Running():
                return reached
            case PrecisionVariantOf() | CheckpointOf() | Refused() | Duplicate():
                return 0
            case _:
                assert_never(self.outcome)


def last_trainings(trials: Iterable[StoredTrial]) -> dict[str, StoredTrial]:
    """Digest of each configuration that trains, waits to or has trained, to the last trial in which it does or did.

    Args:
        trials: of a study, oldest first.
    """
    return {t.digest: t for t in trials if t.digest is not None and (t.is_open or t.may_be_resumed or t.is_trained)}


def epochs_spent(trials: Iterable[StoredTrial]) -> int:
    """Epochs that all trainings of a study have taken; a training that was suspended and resumed counts once."""
    spent: dict[str, int] = {}  # by digest, since a suspended training is resumed as another trial
    for trial in trials:
        if trial.digest is not None:
            spent[trial.digest] = max(spent.get(trial.digest, 0), trial.epochs_trained)
    return sum(spent.values())
