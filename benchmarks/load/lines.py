"""Many lines: written, checked, decoded into the cache, trained with for an epoch; and many rows that name few images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

DIFFERENT = 2_000
"""Images that differ; the others differ in one pixel, so that none is a duplicate."""
IMAGES = 100
"""Images that the rows name."""


def write_lines(folder: Path, count: int) -> dict[str, Any]:
    """Writes so many small PNG files and a label file in PaddleOCR's form."""
    from PIL import Image

    from testing.striped_lines import striped_lines

    made = striped_lines(min(count, DIFFERENT), 0, letters=(1, 2))
    rows = []
    for number in range(count):
        name = f"{number // 1000:03d}/{number:06d}.png"
        (folder / "lines" / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = made.image(number % len(made))[:, :, 0].copy()
        pixels[number // len(made) % 4, 0] = number // len(made)
        Image.fromarray(pixels).save(folder / "lines" / name, compress_level=1)
        rows.append(f"{name}\t{made.text(number % len(made))}\n")
    (folder / "lines" / "labels.txt").write_text("".join(rows))
    return {"lines": count}


def write_rows(folder: Path, count: int) -> dict[str, Any]:
    """Writes so many rows that name a hundred images, each row with a label of its own."""
    from PIL import Image

    (folder / "rows").mkdir()
    for number in range(IMAGES):
        Image.new("L", (40 + number, 32), number).save(folder / "rows" / f"{number}.png")
    with (folder / "rows" / "labels.txt").open("w") as file:
        file.writelines(f"{number % IMAGES}.png\tlabel {number}\n" for number in range(count))
    return {"rows": count, "file_mb": round((folder / "rows" / "labels.txt").stat().st_size / 1e6)}


def check(folder: Path) -> dict[str, Any]:
    """`paretext data check` on a folder."""
    from trainers.data.checks.check import check as check_lines

    report = check_lines(str(folder), 32, 4, "none", 0, None, None)
    return {"lines": len(report.lines), "findings": {finding.kind: finding.count for finding in report.findings}}


def fill_cache(folder: Path, cache: Path) -> dict[str, Any]:
    """Decodes a data set into the cache."""
    from trainers.data.dataset import prepare
    from trainers.data.spec import DataSpec

    prepared = prepare(DataSpec(training=str(folder)), cache)
    size = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
    return {"lines": len(prepared.training) + len(prepared.validation), "cache_mb": round(size / 1e6)}


def train_epoch(folder: Path, cache: Path, trial: Path) -> dict[str, Any]:
    """Trains a small network for one epoch over all lines, as a worker does, and measures its file."""
    from search_space import Architecture
    from trainers.base.recipe import Recipe
    from trainers.data.spec import DataSpec
    from trainers.trial.run import TrialJob, run_trial

    architecture = Architecture(width_percent=25, encoder_hidden=16, encoder_layers=1)
    recipe = Recipe(batch_lines=64, learning_rate=4e-3)
    job = TrialJob(architecture, DataSpec(training=str(folder)), cache, recipe, 1, trial, threads=1)
    candidate = run_trial(job, lambda _: True)
    return {"accuracy": round(candidate.measurement.accuracy, 4)}
