"""Starts the processes that train, and those that decode lines beside them.

Decisions:
- On Linux they are forked from a fork server (`multiprocessing.forkserver`), a process that imports torch and what a training
  needs, and does nothing else. A search imports them once and not once in each worker. The caller itself is not forked, because
  its threads (of torch, of a storage) would not survive it.
- On other systems they are spawned: Windows cannot fork, and libraries of macOS do not survive a fork. So they are where the
  server cannot start: its socket needs room in the temporary folder, and a path of at most some 100 characters.
- A worker has the environment variables that its caller has when it starts it, which may be others than the server's.
- The math libraries of workers are single-threaded: they read the environment when the server loads them.
- The server never initialises CUDA, which would keep it from the workers: what asks there whether there is a GPU is answered
  without CUDA.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

HAS_FORK_SERVER = sys.platform == "linux"
PRELOADED = [
    "trainers.base.fork_server",
    "torch._dynamo",  # which torch's optimizers import at their first step
    "trainers.data.decoding",
    "trainers.data.open_datasets",
    "trainers.training.freed_memory",
    "trainers.training.loop",
    "trainers.inherit.starter",
    "trainers.pruning.prune",
    "onnx",
]
"""Modules that the fork server imports: what takes long of what a trial needs, from its first step to its export. ONNX Runtime
is not among them, since it starts a thread, which would not survive the fork; nor is what only some trials need (timm). What
cannot be imported is left to the workers."""
THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Environment variables from which math libraries take their number of threads."""
WITHOUT_CUDA = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
"""Lets torch ask the driver's management library, instead of CUDA, whether there is a GPU."""

RESTART_S = 10.0
"""Seconds in which a fork server that was killed is replaced."""

_has_server = threading.Event()


def start_fork_server() -> bool:
    """Starts the fork server of this process, unless it runs.

    Returns:
        Whether there is one; it may still be importing.
    """
    if not HAS_FORK_SERVER:
        return False
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOADED)
    try:
        with _set(THREADS | WITHOUT_CUDA):
            forkserver.ensure_running()
    except OSError:
        _has_server.clear()
    else:
        _has_server.set()
    return _has_server.is_set()


def worker_context() -> BaseContext:
    """How to start a process: by the fork server, once it has been started."""
    return multiprocessing.get_context("forkserver" if _has_server.is_set() else "spawn")


def start_worker(function: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Starts a process that calls a function; it waits for the fork server, if that still imports.

    Args:
        function: a function of a module.
        arguments: what the function gets; they are pickled.

    Raises:
        OSError, EOFError: no process could be started.
    """
    end = time.monotonic() + RESTART_S
    while True:
        try:
            return _start(function, arguments)
        except (ConnectionError, EOFError):  # the server has been killed, and it takes a moment until that can be seen
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _start(function: Callable[..., None], arguments: tuple[Any, ...]) -> BaseProcess:
    start_fork_server()
    given = os.environ | THREADS, function, arguments
    process: BaseProcess = worker_context().Process(target=_call, args=given, daemon=True, name="paretext-worker")  # type: ignore[attr-defined]
    with _set(THREADS):
        process.start()
    return process


def take_environment(variables: dict[str, str]) -> None:
    """Gives this process these environment variables and no others."""
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


def _call(variables: dict[str, str], function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    take_environment(variables)
    function(*arguments)


@contextmanager
def _set(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables for the processes that are started in the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
