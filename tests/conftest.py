"""Settings of all tests: the number of threads, and the order.

One thread per test process: two test processes on two cores are faster than one with two threads, and steadier.
"""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("RAY_worker_niceness", "0")  # or trainings on Ray wait for whatever another test computes

LONG = ("test_story.py", "test_kills.py", "test_ray.py", "test_backends.py", "test_local_engine.py")
"""Files whose slow tests take minutes, most of it waiting. They run first, so that other processes compute meanwhile."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order[item.path.name] if item.path.name in LONG and "slow" in item.keywords else len(LONG))
