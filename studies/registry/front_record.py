"""Writes the front of a study to its MLflow run: a table, a picture, and how the front grew.

Decisions:
- The table is a CSV file, which MLflow's pages show as a table and everything else can read. It replaces the one of before.
- The picture is drawn by a function of the caller: drawing is not a matter of the registry.
- `best_accuracy` and `front_points` have the number of the trial as their step. Only steps that MLflow does not have yet are
  written, so the same front may be written again.
"""

from __future__ import annotations

import csv
import io
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.objectives.objective import Objective
from studies.objectives.pareto import dominates
from studies.storage.front_point import FrontPoint
from trainers.data.fingerprint import digest_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

DrawFront = Callable[[list[FrontPoint], list[FrontPoint], str, Path, Sequence[Objective] | None], None]
"""Draws all points, the front, the name of the study and its objectives into a file, as `dashboards.views.front_plot.draw`."""
MOST_METRICS = 900
"""Metrics in one request: MLflow takes 1,000 values, of which up to 100 may be params."""


def front_digest(points: Sequence[FrontPoint], front: Sequence[FrontPoint]) -> str:
    """16 hex digits that identify a front and the candidates around it."""
    return digest_of([point.trial for point in points], front_csv(front))


def front_csv(front: Sequence[FrontPoint]) -> str:
    """The front as CSV, smallest file first: the measurements, then the fields of the architecture."""
    measured = ("trial", "accuracy", "cer", "test_accuracy", "test_cer", "size_bytes", "latency_ms", "parameters", "flops")
    fields = list(dict.fromkeys(name for point in front for name in point.architecture))
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow((*measured, "epochs_trained", *fields, "file"))
    for point in front:
        values = [getattr(point, name) for name in (*measured, "epochs_trained")]
        rows.writerow((*values, *(point.architecture.get(name) for name in fields), Path(point.model).name))
    return text.getvalue()


def write_front(
    client: MlflowClient,
    run_id: str,
    name: str,
    points: Sequence[FrontPoint],
    front: Sequence[FrontPoint],
    objectives: Sequence[Objective],
    draw: DrawFront | None,
) -> None:
    """Writes the artifacts `front.csv` and `front.png` and the metrics of the progress to a run.

    Args:
        client: of MLflow.
        run_id: the study's run.
        name: of the study.
        points: all measured candidates, oldest first.
        front: those on the front, smallest first.
        objectives: of the study.
        draw: draws the picture; None: there is none.
    """
    with tempfile.TemporaryDirectory(prefix="paretext-") as folder:
        table, picture = Path(folder) / "front.csv", Path(folder) / "front.png"
        table.write_text(front_csv(front), encoding="utf-8")
        if draw is not None and points:
            draw(list(points), list(front), name, picture, objectives)
        client.log_artifacts(run_id, folder)
    _write_progress(client, run_id, points, objectives)


def progress(points: Sequence[FrontPoint], objectives: Sequence[Objective]) -> dict[int, dict[str, float]]:
    """Number of each candidate that reads to the best accuracy and the number of points on the front up to it."""
    front: set[tuple[float, ...]] = set()
    best, steps = 0.0, {}
    for point in sorted((p for p in points if p.reads), key=lambda p: p.trial):
        values = tuple(objective.to_minimize(objective.measured(point)) for objective in objectives)
        if not any(other == values or dominates(other, values) for other in front):
            front = {other for other in front if not dominates(values, other)} | {values}
        best = max(best, point.accuracy)
        steps[point.trial] = {"best_accuracy": best, "front_points": float(len(front))}
    return steps


def _write_progress(client: MlflowClient, run_id: str, points: Sequence[FrontPoint], objectives: Sequence[Objective]) -> None:
    from mlflow.entities import Metric

    known: set[tuple[str, int, float]] = set()
    for name in ("best_accuracy", "front_points"):
        known |= {(name, metric.step, metric.value) for metric in client.get_metric_history(run_id, name)}
    now_ms = int(1000 * time.time())
    new: list[Any] = [
        Metric(name, value, now_ms, step)
        for step, values in progress(points, objectives).items()
        for name, value in values.items()
        if (name, step, value) not in known
    ]
    for first in range(0, len(new), MOST_METRICS):
        client.log_batch(run_id, metrics=new[first : first + MOST_METRICS])
