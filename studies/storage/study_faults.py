"""What can be wrong with a study in a storage: it is not there, another program has made it, or its values are damaged."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import optuna
from optuna.storages import BaseStorage

from search_space.architecture import RefusedArchitecture
from search_space.catalog import UnknownComponent
from studies.storage.study_attributes import is_of_paretext
from trainers.base.errors import UserError, one_line

Method = TypeVar("Method", bound=Callable[..., Any])
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, RecursionError)
"""What reading a damaged value raises, in JSON, in Optuna or here."""


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
    system = set(storage.get_study_system_attrs(number)) - {"study:metric_names"}
    if storage.get_n_trials(number) or study.user_attrs or system:
        raise ForeignStudy(f"another program has a study called '{study.study_name}', which stays as it is; use another --name")


def check_may_begin(storage: BaseStorage, name: str) -> None:
    """Raises ForeignStudy if another program has a study of a name, before anything is prepared for one of Paretext."""
    if name in optuna.get_all_study_names(storage):
        check_may_be_filled(optuna.load_study(study_name=name, storage=storage))


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Says in one line that values are damaged, where the block reads them.

    Args:
        what: whose values they are, for the message.

    Raises:
        UserError: a value cannot be read.
    """
    try:
        yield
    except (UserError, RefusedArchitecture, UnknownComponent):
        raise
    except UNREADABLE as error:
        raise UserError(
            f"{what} has values that cannot be read ({one_line(error)[:200]}): the database is damaged, or another program has "
            f"written to it; restore it from a copy"
        ) from error


def reads(method: Method) -> Method:
    """A method of a study's store that reads values, of which some may be damaged."""

    @functools.wraps(method)
    def reading(self: Any, *args: Any, **named: Any) -> Any:
        with readable(f"study '{self.optuna_study.study_name}'"):
            return method(self, *args, **named)

    return reading  # type: ignore[return-value]
