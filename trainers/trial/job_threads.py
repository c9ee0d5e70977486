"""The number of CPU threads for a training that runs alone on its machine."""

from __future__ import annotations

import contextlib

from trainers.base.atomic_write import atomic_write
from trainers.base.cores import usable_cores
from trainers.base.preprocess import canonical_width
from trainers.data.dataset import LineDataset
from trainers.training.threads import fastest_thread_count
from trainers.trial.run import TrialJob


def threads_for(job: TrialJob, prepared: LineDataset) -> int:
    """The number of threads with which a job trains fastest on this machine.

    The number is stored in the job's folder, because a resumed training must sum in the same order to give the same weights.

    Args:
        job: the trial to train.
        prepared: its dataset.

    Returns:
        At least 1; the number of usable cores for a job that trains on a GPU.
    """
    if job.device != "cpu":
        return usable_cores()
    kept = job.folder / "threads.txt"
    with contextlib.suppress(OSError, ValueError):  # a full disk may have left an empty file
        return int(kept.read_text(encoding="utf-8"))
    lines = job.recipe.lines_per_batch(len(prepared.training), job.device)
    width_px = canonical_width(int(prepared.training.widths.mean()), job.architecture.time_stride)
    threads = fastest_thread_count(job.architecture, len(prepared.charset), lines, width_px, usable_cores())
    with atomic_write(kept) as temporary:
        temporary.write_text(f"{threads}\n", encoding="utf-8")
    return threads
