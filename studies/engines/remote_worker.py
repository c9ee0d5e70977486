"""Runs a training on a node of a cluster. Nothing here depends on the cluster's software.

Decisions:
- Each node keeps its own cache of decoded images, because reading them over a network costs more than decoding them once.
- A cluster only counts fractions of a GPU and does not enforce them. A limit on memory protects the other trainings on the GPU.
- Every exception is returned as a failure. A trial is lost only if its process dies.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trainers.base.candidate import Candidate
from trainers.base.errors import UserError, fault_of
from trainers.base.progress import EpochReport, Paused
from trainers.trial.run import TrialJob, TrialRunner, resume_trial

NODE_CACHE = "PARETEXT_NODE_CACHE"
"""Environment variable of a node: the folder of its cache of decoded images."""


@dataclass(frozen=True)
class TrialResources:
    """Resources of a training on its node.

    Attributes:
        cpus: cores, may be a fraction. Torch gets this number of threads, rounded down, but at least one.
        gpus: GPUs, may be a fraction such as 0.125; 0 trains on the CPU.
        gpu_memory: largest fraction of the GPU's memory, in (0, 1]; None means the same fraction as `gpus`, at most 1.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    gpu_memory: float | None = None


def run_on_node(
    request: dict[str, Any], send: Callable[[dict[str, Any]], None], on_driver_node: bool, run: TrialRunner = resume_trial
) -> dict[str, Any]:
    """Trains a trial to its end. `send` may end it after any epoch by raising an exception such as SystemExit.

    Args:
        request: the result of `training_request`.
        send: called after each epoch, once the checkpoint is written, with {"epoch": the epoch's report as JSON}.
        on_driver_node: whether this node is the driver's machine; then the driver's cache of images is used.
        run: the function that is called with the job.

    Returns:
        {"finished": the candidate as JSON} or {"failed": [kind, reason] as JSON}.
    """

    try:
        with suppress(OSError):
            os.chdir(request["folder"])  # relative paths in a study count from the folder where the search was started
        resources = TrialResources(**json.loads(request["resources"]))
        job = _adapt_to_machine(TrialJob.from_dict(json.loads(request["job"])), resources, on_driver_node)
        return {"finished": json.dumps(_train(job, request["shared_folder"], send, run).as_dict())}
    except Exception as error:  # the node continues after any error; the driver decides what becomes of the trial
        fault = fault_of(error)
        where = f"on {os.uname().nodename}: " if fault.kind == "machine" else ""
        return _failed(fault.kind, where + fault.reason)


def _train(job: TrialJob, shared_folder: str | None, send: Callable[[dict[str, Any]], None], run: TrialRunner) -> Candidate:
    """Trains in the trial's folder or, with a shared folder, in a copy that is uploaded after each epoch."""
    if shared_folder is None:
        return _run_job_and_report(job, send, run, lambda: None)
    from studies.workspace.remote_trial_files import RemoteTrialFiles, scratch_folder

    copies, trial = RemoteTrialFiles(shared_folder), job.folder
    with scratch_folder(node_cache() / "trials" / trial.parents[1].name / "trials" / trial.name) as folder:
        copies.download(folder)
        parents = copies.fetch_weights(trial.parent, job.parents, folder / "parents")
        outcome = _run_job_and_report(replace(job, folder=folder, parents=parents), send, run, lambda: copies.upload(folder))
        copies.upload(folder)
    return outcome


def _run_job_and_report(
    job: TrialJob, send: Callable[[dict[str, Any]], None], run: TrialRunner, after_epoch: Callable[[], None]
) -> Candidate:
    """Runs a job; after each epoch it calls `after_epoch` and then sends the epoch's report."""

    def report(epoch_report: EpochReport) -> bool:
        after_epoch()
        named = replace(epoch_report, worker=os.uname().nodename)
        send({"epoch": json.dumps(named.as_dict())})
        return True

    outcome = run(job, report, None)
    assert not isinstance(outcome, Paused), "a job without until_epoch does not pause"
    return outcome


def training_request(number: int, job: TrialJob, resources: TrialResources, shared_folder: str | None) -> dict[str, Any]:
    """Describes a training by numbers and strings, so that it can be sent to a node.

    Args:
        number: the trial's number.
        job: what to train.
        resources: resources of the training.
        shared_folder: path or URL through which trial folders are copied; None means that the node sees the job's folder.
    """
    return {
        "shared_folder": shared_folder,
        "number": number,
        "job": json.dumps(job.as_dict()),
        "resources": json.dumps(asdict(resources)),
        "folder": str(Path.cwd()),
    }


def report_from_json(message: str) -> EpochReport:
    """Returns the report of an epoch that a node has sent as JSON."""
    return EpochReport.from_dict(json.loads(message))


def candidate_from_json(message: str) -> Candidate:
    """Returns the candidate that a node has sent as JSON."""
    return Candidate.from_dict(json.loads(message))


def _adapt_to_machine(job: TrialJob, resources: TrialResources, on_driver_node: bool) -> TrialJob:
    """Returns the job with this machine's number of threads, device and cache folder."""
    cache = job.cache_folder if on_driver_node else node_cache()
    cache.mkdir(parents=True, exist_ok=True)
    return replace(job, threads=max(1, int(resources.cpus)), device=_device(resources), cache_folder=cache)


def node_cache() -> Path:
    """Returns the folder of this machine's cache of decoded images.

    Raises:
        UserError: nothing names a folder, and somebody else has made the one that would be taken in the temporary folder, where
            everyone may write.
    """
    if named := os.environ.get(NODE_CACHE):
        return Path(named)
    folder = Path(tempfile.gettempdir()) / f"paretext-cache-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise UserError(f"{folder} is a link, a file or somebody else's; remove it, or name another folder with {NODE_CACHE}")
    folder.chmod(0o700)  # an earlier version made it readable for everyone
    return folder


def _device(resources: TrialResources) -> str:
    """Returns the device to train on, "cpu" or "cuda"; on a GPU it also limits torch's memory."""
    if resources.gpus <= 0:
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        return "cpu"
    fraction = resources.gpu_memory if resources.gpu_memory is not None else min(1.0, resources.gpus)
    torch.cuda.set_per_process_memory_fraction(fraction)
    return "cuda"


def _failed(kind: str, reason: str) -> dict[str, Any]:
    return {"failed": json.dumps([kind, reason])}
