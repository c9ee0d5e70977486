"""Many short trials: a whole search with the default sampler whose trainings end at once."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

REPORTED = 100
"""Trials between two looks at the memory."""

STUDY: dict[str, Any] = {
    "name": "many",
    "data": {"test": False, "rendered": False},
    "space": {"width_percent": list(range(25, 126)), "encoder_hidden": list(range(16, 129, 4))},
    "search": {"inherit": "never", "begin": "random"},
}


def search_many(folder: Path, count: int) -> dict[str, Any]:
    """Runs so many trials in SQLite; what the driver takes for each and how its memory grows."""
    import os

    from benchmarks.load.memory import now_mb
    from benchmarks.overhead.inline_engine import InlineEngine
    from studies.definition.study import resolve
    from studies.registry.tracker import NoTracker
    from studies.run.observer import SilentObserver
    from studies.run.search import search
    from studies.storage.stored_trial import StoredTrial
    from studies.workspace.paths import Workspace
    from testing.striped_lines import striped_lines, write_pairs

    write_pairs(folder / "lines", striped_lines(60, 0))
    seen: list[tuple[int, float, float]] = []

    class Watch(SilentObserver):
        closed = 0

        def trial_closed(self, trial: StoredTrial) -> None:
            self.closed += 1
            if self.closed % REPORTED == 0:
                seen.append((self.closed, time.process_time(), now_mb(os.getpid())))

    asked = {**STUDY, "data": {**STUDY["data"], "source": str(folder / "lines")}, "budget": {"trials": count, "epochs": 1}}
    search(resolve(asked, "the benchmark"), Workspace(folder / "home"), Watch(), InlineEngine(), NoTracker())
    (first, cpu, least), (last, end, most) = seen[0], seen[-1]
    spans = [round(1000 * (b[1] - a[1]) / (b[0] - a[0])) for a, b in pairwise(seen)]
    return {
        "trials": last,
        "cpu_ms_a_trial": round(1000 * (end - cpu) / max(1, last - first)),
        "cpu_ms_a_trial_by_hundred": spans,
        "mb_after_100": least,
        "mb_at_the_end": most,
        "mb_by_hundred": [row[2] for row in seen],
    }
