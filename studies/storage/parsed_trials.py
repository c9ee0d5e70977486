"""Trials of a study as typed records, or one line that says that the study is damaged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from optuna.trial import FrozenTrial

from studies.storage.damaged_values import readable
from studies.storage.stored_trial import StoredTrial
from studies.storage.trial_attributes import parse


def parsed(trials: Iterable[FrozenTrial], study: str) -> list[StoredTrial]:
    """The records of some trials.

    Args:
        trials: as Optuna has them.
        study: name of their study, for the message.

    Raises:
        UserError: a value of one cannot be read.
    """
    with readable(f"study '{study}'"):
        return [_checked(parse(trial), trial) for trial in trials]


def _checked(record: StoredTrial, trial: FrozenTrial) -> StoredTrial:
    """A record, if its values have the types that they were written with.

    Raises:
        TypeError, ValueError: a value is damaged.
    """
    measured = getattr(record.outcome, "measurement", None)
    numbers = [*(trial.values or ())]
    if measured is not None:
        numbers += [
            measured.accuracy,
            measured.cer,
            measured.size_bytes,
            measured.latency_ms,
            measured.parameters,
            measured.lines,
        ]
    for number in numbers:
        if not isinstance(number, int | float):
            raise TypeError(f"trial {record.number} has {number!r} in place of a number")
    fields: object = record.fields
    if not isinstance(fields, Mapping | None):
        raise TypeError(f"trial {record.number} has {fields!r} as its architecture")
    for name, value in (fields or {}).items():
        if not isinstance(value, str | int | None) or (name == "backbone" and not isinstance(value, str)):
            raise TypeError(f"trial {record.number} has {value!r} as its {name}")
    model = getattr(record.outcome, "model", None)
    if model is not None and ".." in model.parts:
        raise ValueError(f"trial {record.number} has a model outside the workspace folder")
    return record
