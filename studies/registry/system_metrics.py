"""How busy this machine is during a search, as MLflow's system metrics on the run of the study.

Decisions:
- MLflow's own monitor measures and writes, in a thread: processor, memory, disk and network, and GPUs where their package is
  installed. It measures the machine of the driver, not those of a cluster.
- It is on unless `MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING` is `false`; MLflow's other variables for it count as well.
- It gives up when MLflow does not answer. `RunTracker` starts it anew when it has reached MLflow again.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

SWITCH = "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"
"""MLflow's environment variable that turns system metrics on or off."""
EVERY_S = 30
"""Seconds between two values of a metric. MLflow's default, 10, writes 130,000 rows a day; a search may take days."""


class SystemMetrics:
    """Writes system metrics to one run at a time.

    Args:
        uri: MLflow's tracking URI.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._monitor: SystemMetricsMonitor | None = None

    def start(self, run_id: str) -> None:
        """Writes to this run from now on, until it is stopped or the run is closed; the steps continue those of before."""
        self.stop()
        if os.environ.get(SWITCH, "true").strip().lower() in ("false", "0"):
            return
        try:
            from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
        except ImportError:  # without psutil; trials are written nevertheless
            return
        # an outage is reported by the tracker, once
        logging.getLogger("mlflow.system_metrics").setLevel(logging.CRITICAL)
        self._monitor = SystemMetricsMonitor(run_id, EVERY_S, resume_logging=True, tracking_uri=self._uri)
        self._monitor.start()

    def stop(self) -> None:
        """Stops, and writes what has been measured."""
        if self._monitor is not None:
            self._monitor.finish()
        self._monitor = None
