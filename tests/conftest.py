"""One thread per test process: two test processes on two cores are faster than one with two threads, and steadier."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
