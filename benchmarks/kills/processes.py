"""Finds the child processes of the benchmark in /proc, because it must not kill other processes."""

from __future__ import annotations

import os
from pathlib import Path

FORK_SERVER = "multiprocessing.forkserver"
"""Part of the command line of a fork server, and of what it forks."""


def descendants(pid: int) -> list[int]:
    """Returns all descendants of a process; zombies are left out."""
    running = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    parents = {each: parent for each in running if (parent := parent_of(each))}
    found, generation = [], [pid]
    while generation:
        generation = [child for child, parent in parents.items() if parent in generation]
        found += generation
    return found


def parent_of(pid: int) -> int:
    """Returns the parent of a process; 0 if the process has ended."""
    try:
        state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if state == "Z" else int(parent)


def command_line(pid: int) -> str:
    """Returns the command line of a process; empty if the process has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def training_processes(root: int = 0) -> list[int]:
    """Returns the descendants of `root` that train: worker processes of the local engine, actors of Ray.

    Args:
        root: a process; 0 means this one.
    """
    return [pid for pid in descendants(root or os.getpid()) if _trains(pid)]


def _trains(pid: int) -> bool:
    line = command_line(pid)
    if FORK_SERVER in line:  # the server itself has the same command line as the workers that it has forked
        return FORK_SERVER in command_line(parent_of(pid))
    return line.startswith("ray::Implicit")
