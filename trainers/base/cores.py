"""Counts the cores that this process may use."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Counts the cores that this process may run on; all cores of the machine if the system has no such limit (macOS).

    Returns:
        A number from 1.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
