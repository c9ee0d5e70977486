"""What all tests share: how many threads, and which go first.

One thread per test process: two test processes on two cores are faster than one with two threads, and steadier.
"""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("RAY_worker_niceness", "0")  # or trainings on Ray wait for whatever another test computes

LONG = ("test_story.py", "test_kills.py", "test_ray.py", "test_backends.py", "test_local_engine.py")
"""Files whose slow tests take minutes, mostly waiting. They start first: the other processes compute meanwhile, and no process
is idle at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order[item.path.name] if item.path.name in LONG and "slow" in item.keywords else len(LONG))
