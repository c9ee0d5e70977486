"""Finds the child processes of the benchmark in /proc, because it must not kill other processes."""

from __future__ import annotations

import os
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Returns all descendants of a process; zombies are left out."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found, generation = [], [pid]
    while generation:
        generation = [child for child, parent in parents.items() if parent in generation]
        found += generation
    return found


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
    return [
        pid
        for pid in descendants(root or os.getpid())
        if "spawn_main" in command_line(pid) or command_line(pid).startswith("ray::Implicit")
    ]
