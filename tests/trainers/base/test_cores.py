"""Counting cores, and importing the four packages, where the system is not Linux."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from trainers.base.cores import usable_cores


def test_every_core_of_the_machine_counts_where_the_system_has_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


def test_only_the_cores_of_this_process_count_where_the_system_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 4, 5}, raising=False)
    assert usable_cores() == 3


WITHOUT_UNIX = """
import importlib, os, pkgutil, sys
sys.modules["fcntl"] = None  # as on Windows
if hasattr(os, "sched_getaffinity"):
    del os.sched_getaffinity  # as on macOS and Windows
names = []
for package in ("search_space", "trainers", "studies", "dashboards"):
    folder = importlib.import_module(package).__path__
    names += [module.name for module in pkgutil.walk_packages(folder, package + ".")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""


def test_every_module_is_imported_without_fcntl_and_affinity() -> None:
    ended = subprocess.run([sys.executable, "-c", WITHOUT_UNIX], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout.split()[-1]) > 150
