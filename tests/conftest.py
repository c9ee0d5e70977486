"""What all tests share: how many threads, and which go first.

One thread per test process: two test processes on two cores are faster than one with two threads, and steadier.
"""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("RAY_worker_niceness", "0")  # or trainings on Ray wait for whatever another test computes

LONG = ("test_story.py", "test_kills.py", "test_ray.py")
"""Files whose tests take minutes: begun first, so that the other processes are not idle while one ends with them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONG)
