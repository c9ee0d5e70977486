"""Memory of processes, in MB."""

from __future__ import annotations

import resource
from pathlib import Path


def most_of_this_mb() -> int:
    """The most that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000


def most_of_children_mb() -> int:
    """The most that one of its children has had that has ended; 0 without one."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1000


def now_mb(process: int) -> float:
    """What a running process has now."""
    (line,) = (row for row in Path(f"/proc/{process}/status").read_text().splitlines() if row.startswith("VmRSS"))
    return round(int(line.split()[1]) / 1000, 1)
