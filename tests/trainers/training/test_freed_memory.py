"""Freed memory stays in the process: later allocations of the same size cause no page faults."""

import resource
import subprocess
import sys

import pytest

from trainers.training.freed_memory import keep_freed_memory

FAULTS_OF_ALLOCATIONS = """
import resource, sys, torch
from trainers.training.freed_memory import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit(3)
def step():
    kept = [torch.ones(5_000_000) for _ in range(6)]
for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    command = [sys.executable, "-c", FAULTS_OF_ALLOCATIONS, how]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip("this C library has no mallopt")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_memory_that_was_freed_is_reused_without_page_faults():
    pages = 10 * 6 * 20_000_000 // resource.getpagesize()
    assert faults("keep") < pages / 20, "hardly any page is asked for again"


def test_another_c_library_changes_nothing(monkeypatch):
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr("ctypes.CDLL", missing)
    assert keep_freed_memory() is False
