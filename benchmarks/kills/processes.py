"""Child processes, from /proc: the benchmark kills no others."""

from __future__ import annotations

import os
from pathlib import Path


def below(pid: int) -> list[int]:
    """All descendants of a process."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found, ring = [], [pid]
    while ring:
        ring = [child for child, parent in parents.items() if parent in ring]
        found += ring
    return found


def command(pid: int) -> str:
    """Command line of a process; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def trainings(of: int = 0) -> list[int]:
    """Descendants of this process (or of another) that train: pool processes of the local engine, actors of Ray."""
    return [pid for pid in below(of or os.getpid()) if "spawn_main" in command(pid) or command(pid).startswith("ray::Implicit")]
