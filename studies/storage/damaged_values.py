"""Values in a storage that cannot be read, because a disk has damaged them or another program has written them: one line."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from search_space.architecture import RefusedArchitecture
from search_space.catalog import UnknownComponent
from trainers.base.errors import UserError, one_line

Method = TypeVar("Method", bound=Callable[..., Any])
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, RecursionError)
"""What reading a damaged value raises, in JSON, in Optuna or here."""


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
