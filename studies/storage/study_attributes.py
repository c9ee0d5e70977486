"""What Paretext keeps with a study in Optuna, under `paretext:` keys.

These values are JSON, so they are system attributes: optuna-dashboard shows every user attribute, and a long one makes its
pages wide. Studies of version 0.1 and before have them in user attributes, where they are read until a run writes them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna

from studies.storage.damaged_values import readable

STUDY_KEY = "paretext:study"
"""The resolved study, by which a study of Paretext is told from others in the same storage."""


def read_value(study: optuna.Study, key: str) -> Any:
    """A value as JSON has it; None if there is none.

    Raises:
        UserError: a value of the study is damaged.
    """
    with readable(f"study '{study.study_name}'"):
        attributes = study._storage.get_study_system_attrs(study._study_id)
        return attributes[key] if key in attributes else study.user_attrs.get(key)


def former_value(study: optuna.Study, key: str) -> Any:
    """A value as version 0.1 keeps it; None if there is none.

    Raises:
        UserError: a value of the study is damaged.
    """
    with readable(f"study '{study.study_name}'"):
        return study.user_attrs.get(key)


def write_value(study: optuna.Study, key: str, value: Any) -> None:
    """Writes a value that JSON can hold."""
    study._storage.set_study_system_attr(study._study_id, key, value)


def is_of_paretext(system: Mapping[str, Any], user: Mapping[str, Any]) -> bool:
    """Whether Paretext has made a study with these attributes."""
    return STUDY_KEY in system or STUDY_KEY in user
