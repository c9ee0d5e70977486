"""Connects to a Ray cluster, or starts Ray on this machine.

Decisions:
- Ray's tables, logs and loggers are turned off, because Paretext shows its own table.
- Ray adds the driver's current folder to the path of its workers, unless the job has a working directory: there, a `numpy.py`
  among the data would run in every worker. So the job gets an empty one.
- A Ray that is started here requires a token. Ray 2.60 cannot be bound to 127.0.0.1: with `_node_ip_address="127.0.0.1"` its
  processes still listen on all interfaces.
- Private members of Ray are used in `require_token` and `silence_cluster_messages` alone, with the versions in `TESTED_RAY`.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from studies.engines.remote_worker import TrialResources
from trainers.base.cores import usable_cores
from trainers.base.errors import UserError

SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_SCHEDULER_EVENTS": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),
    "TUNE_MAX_PENDING_TRIALS_PG": "10000",  # no limit: the searcher gives Tune a trial only if the driver has submitted it
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
"""Environment variables that Ray reads when it is imported or started. Those that are set already are left as they are."""
for _name, _value in SETTINGS.items():
    os.environ.setdefault(_name, _value)

import ray  # noqa: E402

NODE_PACKAGES = ("search_space", "trainers", "studies")
"""Packages of Paretext that are sent to the nodes."""
TESTED_RAY = ("2.60.0",)
"""Versions of Ray whose private members have been tested; to add one, install it, run `make slow`, and widen the range of ray
in pyproject.toml if it needs to be."""
OBJECT_STORE_BYTES = 200_000_000
"""Size of Ray's object store if Ray is started here. Requests and reports have a few kilobytes."""
QUIET = {"log_to_driver": False, "logging_level": logging.CRITICAL, "configure_logging": True}
"""Arguments of `ray.init` that keep its output off the terminal."""


def connect(address: str | None, workers: int | None, resources: TrialResources) -> None:
    """Connects to a cluster, or starts Ray here; raises UserError if no cluster answers at the address."""
    silence_cluster_messages()
    with _own_sigterm(), tempfile.TemporaryDirectory(prefix="paretext-empty-") as empty:
        if address is None:
            require_token()
            _start(empty, max(1, round((workers or usable_cores()) * max(1.0, resources.cpus))))
            _hide_token()
        else:
            _join(empty, address)


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keeps the program's handler of SIGTERM: that of Ray would end the process with exit code 15."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _start(working_dir: str, cpus: int) -> None:
    """Starts Ray on this machine.

    Raises:
        UserError: it does not start, for example because the machine is too busy.
    """
    path = os.pathsep.join(p for p in sys.path if p)
    try:
        ray.init(
            "local",  # a new Ray, even if a cluster is running on this machine
            num_cpus=cpus,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            runtime_env={"working_dir": working_dir, "env_vars": {"PYTHONPATH": path, "PYTHONSAFEPATH": "1"}},
            **QUIET,
        )
    except Exception as error:  # Ray raises a bare Exception when its processes do not answer in time
        ray.shutdown()
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"Ray does not start on this machine ({reason}); try again, or use --engine local") from error


def _join(working_dir: str, address: str) -> None:
    """Connects to a cluster.

    Raises:
        UserError: none answers at the address.
    """
    environment = {"working_dir": working_dir, "env_vars": {"PYTHONSAFEPATH": "1"}, "py_modules": _package_folders()}
    try:
        ray.init(address=address, runtime_env=environment, **QUIET)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise UserError(f"no Ray cluster answers at '{address}': {str(error).splitlines()[0]}") from None


def require_token() -> None:
    """Makes a Ray that is started here answer only to who has the token of this user, whatever the environment says.

    Ray listens on all network interfaces and runs the code that it is sent. It reads RAY_AUTH_MODE when it is imported, which
    may have been before, and has no public way to read it again.
    """
    from ray._private.authentication import authentication_token_setup

    authentication_token_setup._enable_token_auth()


def _hide_token() -> None:
    """Lets only this user read the token; Ray writes it with the rights that the system gives to new files."""
    with suppress(OSError):
        (Path.home() / ".ray" / "auth_token").chmod(0o600)


def silence_cluster_messages() -> None:
    """Keeps Ray from printing the cluster's error messages to stdout, where the front is printed.

    There is no public way: a thread of the driver prints messages about nodes and processes that died, whatever `log_to_driver`
    and `logging_level` are. With a version of Ray that lacks this member, the messages are printed, and nothing else changes.
    """
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None


def _package_folders() -> list[str]:
    """Returns the folders of `NODE_PACKAGES` on this machine."""
    found = []
    for name in NODE_PACKAGES:
        spec = find_spec(name)
        assert spec is not None and spec.submodule_search_locations
        found.append(str(next(iter(spec.submodule_search_locations))))
    return found
