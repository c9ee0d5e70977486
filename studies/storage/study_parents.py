"""The trained weights that the candidates of a study begin with, recorded with the study by its first run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studies.storage.damaged_values import readable
from studies.storage.study_attributes import read_value, write_value
from studies.storage.study_store import StudyStore

PARENTS_KEY = "paretext:parents"
"""Key under which a study has them."""


def recorded_parents(store: StudyStore) -> list[dict[str, Any]]:
    """The recorded parents as plain values, the best first; empty if there are none.

    Raises:
        UserError: they are damaged.
    """
    with readable(f"study '{store.optuna_study.study_name}'"):
        return [dict(each) for each in read_value(store.optuna_study, PARENTS_KEY) or []]


def record_parents(store: StudyStore, parents: Sequence[Mapping[str, Any]]) -> None:
    """Records the parents; for the process that holds the study's lease."""
    write_value(store.optuna_study, PARENTS_KEY, [dict(each) for each in parents])
