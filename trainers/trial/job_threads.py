"""The number of threads of a training that has the machine to itself."""

from __future__ import annotations

from trainers.base.cores import usable_cores
from trainers.base.preprocess import canonical_width
from trainers.data.dataset import LineDataset
from trainers.training.threads import quickest_threads
from trainers.trial.run import TrialJob


def threads_for(job: TrialJob, prepared: LineDataset) -> int:
    """How many threads train a job fastest on this machine.

    The number is kept in the job's folder, since a resumed training must add up in the same order.

    Args:
        job: what is trained.
        prepared: its lines.
    """
    if job.device != "cpu":
        return usable_cores()
    kept = job.folder / "threads.txt"
    if kept.exists():
        return int(kept.read_text(encoding="utf-8"))
    lines = job.recipe.lines_per_batch(len(prepared.training))
    width_px = canonical_width(int(prepared.training.widths.mean()), job.architecture.time_stride)
    threads = quickest_threads(job.architecture, len(prepared.charset), lines, width_px, usable_cores())
    job.folder.mkdir(parents=True, exist_ok=True)
    kept.write_text(f"{threads}\n", encoding="utf-8")
    return threads
