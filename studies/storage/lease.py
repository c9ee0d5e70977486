"""Who runs a study: one process at a time, also where many machines share a database.

Decisions:
- A lease is an attribute of the study that says who, until when; its owner renews it. It ends by itself when nobody does.
- A process on this machine that is gone has no lease any more: a killed search goes on at once. One on another machine may be
  alive, so its lease is waited out.
- Whoever comes back after its lease has run out, from a long pause or a database that was away, and finds another's, stops.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Any

from studies.storage.study_store import StudyStore
from trainers.base.errors import UserError

LEASE_KEY = "paretext:lease"
LEASE_S = 60.0
RENEWED_EVERY_S = 15.0


def owner_here() -> str:
    """This process, as leases and trials name it: machine and process number."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Lease:
    """The right to run a study.

    Args:
        store: the study.
        tell: told when somebody else's lease is waited out.
    """

    def __init__(self, store: StudyStore, tell: Callable[[str], None]) -> None:
        self._study, self._tell = store.optuna_study, tell
        self._owner, self._name = owner_here(), store.optuna_study.study_name
        self._renewed = 0.0

    def take(self) -> None:
        """Takes the lease; waits for one that nobody seems to renew.

        Raises:
            UserError: another process runs the study.
        """
        first = held = self._held_by_another()
        while held is not None:
            if held["until"] != (first or held)["until"]:
                raise UserError(f"study '{self._name}' is being run by {held['owner']}; wait for it, or use another name")
            if held is first:
                left = max(0.0, held["until"] - time.time())
                self._tell(f"study '{self._name}' was last run by {held['owner']}; it may still be, so wait {left:.0f} s")
            time.sleep(min(1.0, max(0.0, held["until"] - time.time())) + 0.01)
            held = self._held_by_another()
        self._write()

    def keep(self) -> None:
        """Renews the lease when that is due.

        Raises:
            UserError: it ran out, and another process has taken the study over.
        """
        if time.monotonic() - self._renewed < RENEWED_EVERY_S:
            return
        held = self._held_by_another()
        if held is not None:
            raise UserError(f"study '{self._name}' has been taken over by {held['owner']}, since this process did not answer")
        self._write()

    def release(self) -> None:
        """Gives the lease back."""
        if self._held_by_another() is None:
            self._study.set_user_attr(LEASE_KEY, {})

    def _write(self) -> None:
        self._study.set_user_attr(LEASE_KEY, {"owner": self._owner, "until": time.time() + LEASE_S})
        self._renewed = time.monotonic()

    def _held_by_another(self) -> dict[str, Any] | None:
        held: dict[str, Any] = self._study.user_attrs.get(LEASE_KEY) or {}
        if not held or held["owner"] == self._owner or held["until"] < time.time() or _is_gone(held["owner"]):
            return None
        return held


def _is_gone(owner: str) -> bool:
    """Whether an owner is a process of this machine that has ended."""
    machine, _, process = owner.rpartition(":")
    if machine != socket.gethostname():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
