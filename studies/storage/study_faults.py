"""What can be wrong with a study in a storage: it is not there, or another program has made it."""

from __future__ import annotations

import optuna

from studies.storage.damaged_values import readable
from studies.storage.study_attributes import is_of_paretext
from trainers.base.errors import UserError


class NoSuchStudy(UserError):
    """There is no study of that name, or it is not one of Paretext."""


class ForeignStudy(NoSuchStudy):
    """The study of that name is not one of Paretext."""


def check_is_of_paretext(study: optuna.Study) -> None:
    """Raises ForeignStudy if another program has made a study."""
    with readable(f"study '{study.study_name}'"):
        attributes = study._storage.get_study_system_attrs(study._study_id), study.user_attrs
    if not is_of_paretext(*attributes):
        raise ForeignStudy(
            f"study '{study.study_name}' was not made by Paretext, or another program has renamed it; name another study"
        )


def check_may_be_filled(study: optuna.Study) -> None:
    """Checks a study that does not say which program has made it: one that a killed search of Paretext has left is empty.

    Raises:
        ForeignStudy: another program has filled it.
    """
    storage, number = study._storage, study._study_id
    with readable(f"study '{study.study_name}'"):
        system, user = set(storage.get_study_system_attrs(number)) - {"study:metric_names"}, study.user_attrs
    if storage.get_n_trials(number) or user or system:
        raise ForeignStudy(f"another program has a study called '{study.study_name}', which stays as it is; use another --name")
