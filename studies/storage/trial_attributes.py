"""How a trial is written into Optuna's attributes, and parsed from them.

    user attributes       scalars that people, Optuna's tools and optuna-dashboard use:
                          outcome, reason, description, digest, estimated_bytes, epochs_trained, cer, accuracy, size_bytes,
                          latency_ms, parameters, flops, validation_lines, duplicate_of, precision_variant_of, checkpoint_of,
                          continues, stored_as, parent, inherited_share, lineage_epochs
    system attributes     what only a later run of the study needs, as JSON, each under `paretext:`:
                          architecture, recipe (the searched settings), costs, training, rung:EPOCH, right_lines, lineage,
                          sha256, model (path of the file), reason (if it is long)
                          and `artifacts:ID` (`studies.storage.trial_artifacts`)
    constraints           how far over a limit, for Optuna's samplers and for optuna-dashboard

Studies of version 0.1 and before have all of it in user attributes, with other names; `parse` reads them, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, assert_never

from optuna.trial import FrozenTrial, TrialState

from studies.objectives.costs import Costs
from studies.storage.first_form import parse_first_form, rungs_of, violation_of
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
from studies.storage.stored_trial import RungResult, StoredTrial, TrainingMark
from trainers.base.candidate import Measurement
from trainers.base.lineage import Lineage
from trainers.base.right_lines import RightLines

ARCHITECTURE, RECIPE = "paretext:architecture", "paretext:recipe"
COSTS, TRAINING = "paretext:costs", "paretext:training"
RUNG = "paretext:rung:"
RIGHT_LINES = "paretext:right_lines"
REASON = "paretext:reason"
SHA256, MODEL = "paretext:sha256", "paretext:model"
LINEAGE = "paretext:lineage"
LONGEST_TEXT = 48
"""Characters of a text among the user attributes. optuna-dashboard does not wrap them: longer ones would make its page wider.
A reason is whole among the system attributes, and the note of a trial has all."""


@dataclass(frozen=True)
class Attributes:
    """What is written of a trial at once.

    Attributes:
        user: user attributes, scalars.
        system: system attributes, JSON-able.
    """

    user: dict[str, Any] = field(default_factory=dict)
    system: dict[str, Any] = field(default_factory=dict)

    def __or__(self, other: Attributes) -> Attributes:
        return Attributes(self.user | other.user, self.system | other.system)


def description_of(trial: StoredTrial) -> Attributes:
    """What a trial is: written as soon as its architecture is known."""
    configuration = trial.configuration
    if configuration is None:
        return Attributes()
    user: dict[str, Any] = {"description": _shortened(configuration.describe()), "digest": trial.digest}
    system: dict[str, Any] = {ARCHITECTURE: configuration.architecture.as_dict()}
    if trial.recipe:
        system[RECIPE] = dict(trial.recipe)
    if trial.continues is not None:
        user["continues"] = trial.continues
    if trial.costs is not None:
        user["estimated_bytes"] = trial.costs.size_bytes
        system[COSTS] = {name: cost for name, cost in asdict(trial.costs).items() if cost is not None}
    return Attributes(user, system) | lineage_attributes(trial.lineage)


def stored_attributes(trial: StoredTrial) -> Attributes:
    """In which precision its file is stored, where that is not the one of its architecture: known once the file is written."""
    configuration = trial.stored_configuration
    if trial.stored_as is None or configuration is None:
        return Attributes()
    return Attributes({"stored_as": trial.stored_as, "description": _shortened(configuration.describe())})


def lineage_attributes(lineage: Lineage | None) -> Attributes:
    """What a network inherited: written as soon as its training has begun."""
    if lineage is None:
        return Attributes()
    return Attributes(lineage.scalars, {LINEAGE: lineage.as_dict()})


def training_attributes(mark: TrainingMark) -> Attributes:
    """Who trains a trial, and until when: written before the training starts."""
    return Attributes(system={TRAINING: asdict(mark)})


def rung_attributes(epoch: int, result: RungResult) -> Attributes:
    """What a training has reached at a rung."""
    user = {"epochs_trained": epoch, "cer": result.cer, "accuracy": result.accuracy}
    return Attributes(user, {f"{RUNG}{epoch}": asdict(result)})


def outcome_attributes(outcome: Outcome) -> Attributes:
    """What became of a trial: written before the state that closes it."""
    written = _outcome_attributes(outcome)
    reason = written.user.get("reason", "")
    if len(reason) <= LONGEST_TEXT:
        return written
    return written | Attributes({"reason": f"{reason[: LONGEST_TEXT - 1]}…"}, {REASON: reason})


def _shortened(words: str) -> str:
    """The words for an architecture, of many the first ones and the last, which is the precision."""
    if len(words) <= LONGEST_TEXT:
        return words
    *_, last = words.split()
    return f"{words[: LONGEST_TEXT - len(last) - 2]}… {last}"[-LONGEST_TEXT:]


def _outcome_attributes(outcome: Outcome) -> Attributes:
    user: dict[str, Any] = {"outcome": outcome.name}
    match outcome:
        case Running():
            return Attributes()
        case Measured(measurement, model, epochs):
            return Attributes(user | {"epochs_trained": epochs}) | _file(model, measurement)
        case PrecisionVariantOf(trial, measurement, model, reason, epochs_of_it):
            user |= {"precision_variant_of": trial, "reason": reason}
            user |= {} if epochs_of_it is None else {"epochs_trained": epochs_of_it}
            return Attributes(user) | _file(model, measurement)
        case CheckpointOf(trial, measurement, model, epochs):
            user |= {"checkpoint_of": trial, "reason": outcome.reason, "epochs_trained": epochs}
            return Attributes(user) | _file(model, measurement)
        case Stopped(epochs, reason) | Suspended(epochs, reason) | Failed(reason, epochs):
            return Attributes(user | {"reason": reason, "epochs_trained": epochs})
        case OverLimit(reason, violation, measurement, epochs):
            written = Attributes(user | {"reason": reason}, _constraint(violation))
            return written if measurement is None else written | _measured(measurement) | Attributes({"epochs_trained": epochs})
        case Refused(reason, violation):
            return Attributes(user | {"reason": reason}, _constraint(violation))
        case Duplicate(of, reason, result):
            first = Attributes() if result is None else _outcome_attributes(result)
            copied = {key: value for key, value in first.user.items() if key != "epochs_trained"}
            return Attributes(copied | user | {"reason": reason, "duplicate_of": of}, first.system)
        case _:
            assert_never(outcome)


def parse(trial: FrozenTrial) -> StoredTrial:
    """The record of a trial, from what the study holds of it."""
    user, system = trial.user_attrs, trial.system_attrs
    if ARCHITECTURE not in system and "outcome" not in user and ("architecture" in user or "end_reason" in user):
        return parse_first_form(trial)
    costs, mark, lineage = system.get(COSTS), system.get(TRAINING), system.get(LINEAGE)
    return StoredTrial(
        number=trial.number,
        params=trial.params,
        outcome=_outcome(trial),
        fields=system.get(ARCHITECTURE),
        digest=user.get("digest"),
        costs=None if costs is None else Costs(**costs),
        rungs=rungs_of(system, RUNG),
        training=None if mark is None else TrainingMark(**mark),
        continues=user.get("continues"),
        lineage=None if lineage is None else Lineage.from_dict(lineage),
        recipe=system.get(RECIPE, {}),
        stored_as=user.get("stored_as"),
        opened=trial.datetime_start,
        closed_at=trial.datetime_complete,
    )


def _outcome(trial: FrozenTrial) -> Outcome:
    user = trial.user_attrs
    name, epochs = user.get("outcome"), int(user.get("epochs_trained", 0))
    path = trial.system_attrs.get(MODEL, user.get("model"))  # earlier versions had it among the user attributes
    model = Path("" if path is None else path)
    reason = str(trial.system_attrs.get(REASON, user.get("reason", "")))
    if not trial.state.is_finished():
        return Running()
    if name == Measured.name:
        return Measured(_measurement(trial), model, epochs)
    if name == PrecisionVariantOf.name:
        of = user["precision_variant_of"]
        return PrecisionVariantOf(of, _measurement(trial), model, reason, epochs or None)
    if name == CheckpointOf.name:
        return CheckpointOf(user["checkpoint_of"], _measurement(trial), model, epochs)
    if name == Stopped.name:
        return Stopped(epochs, reason)
    if name == Suspended.name:
        return Suspended(epochs, reason)
    if name == OverLimit.name:
        measurement = _measurement(trial) if "cer" in user else None
        return OverLimit(reason, violation_of(trial), measurement, epochs if measurement is not None else 0)
    if name == Refused.name:
        return Refused(reason, violation_of(trial))
    if name == Duplicate.name:
        return Duplicate(user["duplicate_of"], reason, _answer(trial, path, reason))
    return Failed(reason or "another program closed the trial and recorded no outcome", epochs)


def _answer(trial: FrozenTrial, model: str | None, reason: str) -> Measured | Stopped | Failed | OverLimit:
    """What the first of two equal trials came to, as far as the duplicate's record says."""
    if trial.state == TrialState.COMPLETE:
        return Measured(_measurement(trial), Path(model or ""), 0)
    if trial.state == TrialState.FAIL:
        return Failed(reason)
    return OverLimit(reason, violation_of(trial)) if trial.constraints else Stopped(0, reason)


def _file(model: Path, measurement: Measurement) -> Attributes:
    """A file, relative to the workspace, and what was measured of it."""
    return Attributes(system={MODEL: str(model)}) | _measured(measurement)


def _measured(measurement: Measurement) -> Attributes:
    """A measurement: scalars, which lines are right, and the hash of the file; what was not measured is left out."""
    values = measurement.as_dict()
    values["validation_lines"] = values.pop("lines")
    system = {RIGHT_LINES: values.pop("right_lines", None), SHA256: values.pop("sha256")}
    scalars = {name: value for name, value in values.items() if value is not None}
    return Attributes(scalars, {name: value for name, value in system.items() if value is not None})


def _measurement(trial: FrozenTrial) -> Measurement:
    user, system = trial.user_attrs, trial.system_attrs
    right = system.get(RIGHT_LINES)
    return Measurement(
        accuracy=user["accuracy"],
        cer=user["cer"],
        size_bytes=user["size_bytes"],
        latency_ms=user["latency_ms"],
        parameters=user["parameters"],
        lines=user["validation_lines"],
        flops=user.get("flops"),
        right_lines=None if right is None else RightLines(**right),
        sha256=system.get(SHA256, user.get("sha256")),  # earlier versions had it among the user attributes
        finish_lines=user.get("finish_lines"),
    )


def _constraint(violation: float) -> dict[str, Any]:
    """A constraint, written twice: for Optuna's samplers, and as the list that optuna-dashboard 0.21 reads."""
    values: Sequence[float] = [violation]
    return {"constraints:limits": violation, "constraints": values}
