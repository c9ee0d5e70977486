"""Measures how long the report of a large study takes to make, and to open in Chromium.

    python -m benchmarks.report.measure 2000 10000

Each study is made of the fates that a search gives: a tenth measured, each in two precisions, four tenths stopped at a rung,
and the rest over the limit, refused, failed or duplicate. Its files do not exist, so the cards are without readings.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dashboards.views.report.contents import read_contents
from dashboards.views.report.page import make_page
from dashboards.views.report.readings import FrontReader
from search_space.architecture import Architecture
from studies.definition.study import resolve
from studies.objectives.costs import Costs
from studies.storage.backends import open_storage
from studies.storage.distributions import distributions
from studies.storage.outcomes import Duplicate, Failed, Measured, Outcome, OverLimit, PrecisionVariantOf, Refused, Stopped
from studies.storage.stored_trial import RungResult, StoredTrial
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.base.candidate import Measurement

SPACE: dict[str, list[Any]] = {
    "width_percent": list(range(25, 126)),
    "encoder_hidden": list(range(16, 129, 4)),
    "neck": ["none", "fpn_a", "fpn_b", "fpn_c", "fpn_d"],
    "precision": ["fp32", "int8"],
}

LONGEST_MS = 120_000
"""Milliseconds that Chromium may take, on a machine that does much else."""


def large_study(workspace: Workspace, trials: int) -> None:
    """Makes the study `large` with so many trials."""
    study = resolve({"name": "large", "space": SPACE, "data": {"test": False}, "limits": {"size": "2MB"}}, "the benchmark")
    store, _ = StudyStore.create_or_open(open_storage(f"journal:{workspace.folder / 'journal'}"), study)
    space, by = distributions(study.joint_space), random.Random(0)
    for number in range(trials):
        params = {field: by.choice(values) for field, values in SPACE.items()}
        architecture = Architecture(**params)
        size_bytes = int((architecture.width_percent * 9_000 + architecture.encoder_hidden * 6_000) * by.uniform(0.8, 1.2))
        outcome, rungs = _fate(number, size_bytes, by)
        trial = StoredTrial.of(number, params, architecture, Costs(size_bytes), outcome)
        object.__setattr__(trial, "rungs", rungs)
        store.add(trial, space)


def _fate(number: int, size_bytes: int, by: random.Random) -> tuple[Outcome, dict[int, RungResult]]:
    accuracy = min(0.99, max(0.01, by.gauss(0.3, 0.1) + size_bytes / 4e6))
    reached = {3: RungResult((1 - accuracy) / 2, accuracy / 3)}
    measured = Measurement(accuracy, (1 - accuracy) / 4, size_bytes, 1.0, size_bytes, 500, size_bytes * 9)
    match number % 20:
        case 0 | 1:
            return Measured(measured, Path(f"models/large/{number}.onnx"), 40), reached
        case 2 | 3:
            return PrecisionVariantOf(number - 2, measured, Path(f"models/large/{number}.onnx"), "stored as int8", 40), {}
        case 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11:
            return Stopped(3, "not among the best at epoch 3"), reached
        case 12 | 13 | 14 | 15:
            return OverLimit(f"{size_bytes / 1e6:.2f}MB is over the limit of 2.00MB", size_bytes / 2e6), {}
        case 16 | 17:
            return Duplicate(number - 3, f"equal to trial {number - 3}, which was stopped"), {}
        case 18:
            return Refused("the neck needs another height"), {}
        case _:
            return Failed("nan: the loss is not finite"), {}


def opening(page: Path) -> dict[str, float]:
    """Seconds until Chromium has loaded a page and drawn its front: passed, and of a processor; empty without Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return {}
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": 1400, "height": 900})
        session = shown.context.new_cdp_session(shown)
        session.send("Performance.enable")
        began = time.perf_counter()
        shown.goto(page.as_uri(), wait_until="commit", timeout=LONGEST_MS)
        shown.wait_for_selector("#chart-front .main-svg .point", timeout=LONGEST_MS)
        passed = time.perf_counter() - began
        metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
        browser.close()
    return {"open_s": round(passed, 2), "open_cpu_s": round(metrics.get("ProcessTime", 0.0), 2)}


def measure(trials: int) -> dict[str, Any]:
    """Seconds and bytes of the report of a study with so many trials."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder), storage=f"journal:{folder}/journal").prepare()
        large_study(workspace, trials)
        began, used = time.perf_counter(), time.process_time()
        contents = read_contents(workspace, "large")
        read = time.process_time() - used
        page = make_page(contents, FrontReader(), "benchmark")
        made, made_cpu = time.perf_counter() - began, time.process_time() - used
        file = Path(folder) / "report.html"
        file.write_text(page, encoding="utf-8")
        return {
            "trials": trials,
            "front": len(contents.front),
            "read_cpu_s": round(read, 2),
            "made_cpu_s": round(made_cpu, 2),
            "made_s": round(made, 2),
            "megabytes": round(file.stat().st_size / 1e6, 2),
            **opening(file),
        }


if __name__ == "__main__":
    for words in sys.argv[1:]:
        print(json.dumps(measure(int(words))), flush=True)
