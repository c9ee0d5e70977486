"""Lease on a study: one process runs it at a time, also where many machines share a database.

Decisions:
- A lease is an attribute of the study that names its owner and an expiry time. The owner renews it; otherwise it expires.
- The lease of a dead process of this machine counts for nothing, so a killed search can be restarted at once. A process on
  another machine may be alive, so its lease has to expire first.
- An owner that could not renew its lease in time, and finds that another process has taken the study over, stops.
- Whoever waits for a lease waits `LEASE_S` by its own clock at most: by then a living owner has renewed it. So a lease that
  another clock has dated a year ahead, or a clock that was set back, costs a minute.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import optuna

from studies.storage.study_attributes import former_value, read_value, write_value
from studies.storage.study_store import StudyStore
from trainers.base.errors import UserError

LEASE_KEY = "paretext:lease"
"""Key under which a study has its lease."""
LEASE_S = 60.0
"""Seconds until a lease expires: how long another machine has to wait after the owner's machine has died."""
FURTHEST_S = 86400.0
"""Seconds after which a lease that is to end even later is damaged: no clock in use is a day ahead."""
RENEW_INTERVAL_S = 15.0
"""Seconds between renewals: three may fail before the lease expires."""


def owner_here() -> str:
    """Name of this process in leases and trials: "HOST:PID"."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Lease:
    """The right to run a study.

    Args:
        store: the study.
        notify: receives one line when this process waits for another's lease to expire.
    """

    def __init__(self, store: StudyStore, notify: Callable[[str], None]) -> None:
        self._study, self._notify = store.optuna_study, notify
        self._owner, self._name = owner_here(), store.optuna_study.study_name
        self._renewed = 0.0

    def take(self) -> None:
        """Takes the lease; if another process has it, waits until it expires.

        Raises:
            UserError: the other process renews its lease, so it runs the study.
        """
        first = held = self._held_by_another()
        looked = time.monotonic()
        while held is not None and time.monotonic() - looked < LEASE_S:
            if held["until"] != (first or held)["until"]:
                raise UserError(
                    f"study '{self._name}' is being run by {held['owner']}; wait until it ends, or use another name"
                )
            if held is first:
                left = min(LEASE_S, max(0.0, held["until"] - time.time()))
                self._notify(
                    f"study '{self._name}' was last run by {held['owner']}, which may still be running; "
                    f"waiting {left:.0f} s for its lease to expire"
                )
            time.sleep(min(1.0, max(0.0, held["until"] - time.time())) + 0.01)
            held = self._held_by_another()
        self._write()

    def keep(self) -> None:
        """Renews the lease if `RENEW_INTERVAL_S` have passed.

        Raises:
            UserError: the lease expired, and another process has taken the study over.
        """
        if time.monotonic() - self._renewed < RENEW_INTERVAL_S:
            return
        held = self._held_by_another()
        if held is not None:
            raise UserError(
                f"study '{self._name}' has been taken over by {held['owner']}, because this process did not renew its lease"
            )
        self._write()

    def release(self) -> None:
        """Gives the lease back."""
        if self._held_by_another() is None:
            write_value(self._study, LEASE_KEY, {})

    def _write(self) -> None:
        write_value(self._study, LEASE_KEY, {"owner": self._owner, "until": time.time() + LEASE_S})
        self._renewed = time.monotonic()

    def _held_by_another(self) -> dict[str, Any] | None:
        held = _valid_lease(self._study)
        return None if held is None or held["owner"] == self._owner else held


def runner_of(store: StudyStore) -> str | None:
    """The process that runs a study, as "HOST:PID"; None if none does. A killed one on another machine counts for a minute."""
    held = _valid_lease(store.optuna_study)
    return None if held is None or held["until"] > time.time() + FURTHEST_S else str(held["owner"])


def _valid_lease(study: optuna.Study) -> dict[str, Any] | None:
    """The lease of a study, also one that a process of version 0.1 holds; None if there is none that counts."""
    for held in (read_value(study, LEASE_KEY), former_value(study, LEASE_KEY)):
        if _is_lease(held) and held["until"] >= time.time() and not _is_dead(held["owner"]):
            return dict(held)
    return None


def _is_lease(held: Any) -> bool:
    """Whether a value of the database has the form of a lease; a damaged one counts for nothing."""
    if not isinstance(held, dict) or not isinstance(held.get("owner"), str):
        return False
    until = held.get("until")
    return isinstance(until, int | float) and not isinstance(until, bool) and math.isfinite(until)


def _is_dead(owner: str) -> bool:
    """Whether an owner is a process of this machine that has ended."""
    machine, _, process = owner.rpartition(":")
    if machine != socket.gethostname():
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError, OverflowError):  # no such process, or no number of one
        return True
    except PermissionError:
        return False
    return False
