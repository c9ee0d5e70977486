"""What a stretch of work took: seconds, processor seconds of this process and those it started, and how busy the GPU was."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

SAMPLES_MS = 200
QUERY = ("nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits")


class Stretch:
    """Measures what happens within it; a context manager.

    The GPU's share is what NVIDIA's driver says: of each sample period, the part in which at least one kernel ran.

    Args:
        gpu: number of the GPU to watch; None watches none.

    Attributes:
        seconds: wall-clock time, once it is over.
        cpu_seconds: processor time of this process and of those it started.
        own_cpu_seconds: of this process alone.
        busy: share of the time in which the GPU computed, in [0, 1]; None where none was watched.
    """

    def __init__(self, gpu: int | None = None) -> None:
        self.seconds = self.cpu_seconds = self.own_cpu_seconds = 0.0
        self.busy: float | None = None
        self._gpu = gpu
        self._watch: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        if self._gpu is not None:
            command = [*QUERY, f"--id={self._gpu}", f"--loop-ms={SAMPLES_MS}"]
            self._watch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._started, self._cpu_started, self._own_started = time.perf_counter(), _cpu_seconds(), time.process_time()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.seconds, self.cpu_seconds = time.perf_counter() - self._started, _cpu_seconds() - self._cpu_started
        self.own_cpu_seconds = time.process_time() - self._own_started
        if self._watch is not None:
            self._watch.terminate()
            self.busy = mean_share(self._watch.communicate()[0].splitlines())

    def as_dict(self) -> dict[str, float | None]:
        """JSON-able."""
        return {
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "own_cpu_seconds": self.own_cpu_seconds,
            "gpu_busy": self.busy,
        }


def mean_share(rows: Iterable[str]) -> float | None:
    """Mean of rows of percents, as a share; a row that is no number (a sample cut short) does not count."""
    percents = [int(row) for row in rows if row.strip().isdecimal()]
    return sum(percents) / len(percents) / 100 if percents else None


def _cpu_seconds() -> float:
    """Of this process, its children that have ended, and those that multiprocessing started and that still run."""
    times, ticks = os.times(), 0
    for child in multiprocessing.active_children():
        with suppress(FileNotFoundError):  # it has just ended
            ticks += sum(map(int, Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    own = times.user + times.system + times.children_user + times.children_system
    return own + ticks / os.sysconf("SC_CLK_TCK")
