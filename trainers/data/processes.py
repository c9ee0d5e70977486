"""Maps a function over work with several processes, for decoding and rendering.

Decisions:
- Processes come from the fork server of a search (`trainers.base.worker_processes`); without a search they are spawned, which
  takes less time than to start such a server. They are not forked from the caller, which may have threads of torch or of a
  storage. They do not import the caller's script, so a script without `if __name__ == "__main__"` works.
- Results are in the order of the work, whatever the number of processes.
- A worker ends when its parent process has ended, also if the parent was killed.
- Where no processes can be started (in a daemonic process, or if the work cannot be pickled), this process does all the work.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain, islice
from multiprocessing.connection import wait
from typing import Any, TypeVar

from trainers.base.worker_processes import take_environment, worker_context

Work = TypeVar("Work")
Result = TypeVar("Result")


def parallel_map(function: Callable[[Work], Result], work: Iterable[Work], processes: int) -> Iterator[Result]:
    """Yields the result of `function` for each item of work, in order.

    Args:
        function: a function of a module, without side effects, since an item is done again if a worker dies.
        work: items; at most four per process are taken ahead of the results.
        processes: number of processes; 1 works in this process.
    """
    pieces = iter(work)
    first = list(islice(pieces, 1))
    pieces = chain(first, pieces)
    if processes <= 1 or multiprocessing.current_process().daemon or not _can_be_sent((function, first)):
        yield from map(function, pieces)
        return
    waiting: deque[tuple[Work, Future[Result]]] = deque()
    pool = ProcessPoolExecutor(processes, worker_context(), _begin_worker, (dict(os.environ),))
    try:
        with _script_left_alone():
            while True:
                waiting.extend((piece, pool.submit(function, piece)) for piece in islice(pieces, 4 * processes - len(waiting)))
                if not waiting:
                    pool.shutdown()
                    return
                yield waiting[0][1].result()
                waiting.popleft()
    except (BrokenProcessPool, pickle.PicklingError, AttributeError, TypeError, ConnectionError, EOFError):
        for piece, _ in waiting:  # if the work itself is at fault, the error is raised again here
            yield function(piece)
        yield from map(function, pieces)
    except Exception:
        pool.shutdown(cancel_futures=True)  # what the other processes write comes before the caller hears of it
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _can_be_sent(work: object) -> bool:
    """Whether another process can be given something. To find out by trying may leave a pool that never ends (Python 3.11)."""
    try:
        pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return True


def _begin_worker(variables: dict[str, str]) -> None:
    """Takes the caller's environment, ignores Ctrl-C, which the caller handles, and ends when the caller has ended."""
    take_environment(variables)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _script_left_alone() -> Iterator[None]:
    """Hides the path of the main module, so that spawned processes do not run it."""
    main = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {name: main.pop(name) for name in ("__file__", "__spec__") if name in main}
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update(hidden)
