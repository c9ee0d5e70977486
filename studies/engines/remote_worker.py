"""A training on whatever machine of a cluster it has been sent to; knows nothing of the cluster's software.

Decisions:
- Decoded images are kept on each machine, since reading them over a network costs more than decoding them once.
- A fraction of a GPU is bookkeeping to a cluster; the limit on memory keeps trainings from taking what others on the GPU need.
- Every exception is returned as a failure; only a process that dies is lost.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trainers.base.candidate import Candidate
from trainers.base.errors import TrainingFault, UserError
from trainers.base.progress import EpochReport, Paused
from trainers.trial.run import TrialJob, TrialRunner, resume_trial

NODE_CACHE = "PARETEXT_NODE_CACHE"
"""Environment variable of a node: where it keeps decoded images."""


@dataclass(frozen=True)
class TrialResources:
    """What a training may take of its machine.

    Attributes:
        cpus: cores; a whole number of them is torch's number of threads, at least one.
        gpus: of a GPU, such as 0.125; 0 trains on the CPU.
        gpu_memory: of the GPU's memory, in (0, 1]; None is as much as of the GPU.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    gpu_memory: float | None = None


def train_here(
    order: dict[str, Any], send: Callable[[dict[str, Any]], None], at_home: bool, run: TrialRunner = resume_trial
) -> dict[str, Any]:
    """Trains a trial to its end; `send` may end it after any epoch, by an exception such as SystemExit.

    Args:
        order: `order_of`'s.
        send: called after each epoch, after its checkpoint has been written: {"epoch": its report as JSON}.
        at_home: whether this is the driver's own machine, with whose cache it then shares the images.
        run: what is done with the job.

    Returns:
        {"finished": the candidate as JSON} or {"failed": [kind, reason] as JSON}.
    """

    try:
        with suppress(OSError):
            os.chdir(order["folder"])  # what a study names relative to where it was started
        resources = TrialResources(**json.loads(order["resources"]))
        job = _placed(TrialJob.from_dict(json.loads(order["job"])), resources, at_home)
        return {"finished": json.dumps(_train(job, order["shared"], send, run).as_dict())}
    except TrainingFault as fault:
        return _failed(fault.kind, fault.reason)
    except MemoryError:
        return _failed("oom", "out of memory")
    except UserError as error:
        return _failed("error", f"on {os.uname().nodename}: {error}")
    except Exception as error:  # a faulty candidate fails alone; the study goes on
        return _failed("error", f"{type(error).__name__}: {error}".splitlines()[0])


def _train(job: TrialJob, shared: str | None, send: Callable[[dict[str, Any]], None], run: TrialRunner) -> Candidate:
    """Trains in the trial's folder, or on a copy of it that travels."""
    if shared is None:
        return _trained(job, send, run, lambda: None)
    from studies.workspace.remote_trial_files import RemoteTrialFiles, scratch_folder

    folders, trial = RemoteTrialFiles(shared), job.folder
    with scratch_folder(node_cache() / "trials" / trial.parents[1].name / "trials" / trial.name) as folder:
        folders.download(folder)
        outcome = _trained(replace(job, folder=folder), send, run, lambda: folders.upload(folder))
        folders.upload(folder)
    return outcome


def _trained(job: TrialJob, send: Callable[[dict[str, Any]], None], run: TrialRunner, keep: Callable[[], None]) -> Candidate:
    def report(epoch_report: EpochReport) -> bool:
        keep()
        send({"epoch": json.dumps(epoch_report.as_dict())})
        return True

    outcome = run(job, report, None)
    assert not isinstance(outcome, Paused), "nobody has asked it to pause"
    return outcome


def order_of(number: int, job: TrialJob, resources: TrialResources, shared: str | None) -> dict[str, Any]:
    """What is sent to a machine to train a trial: numbers and texts.

    Args:
        number: of the trial.
        job: what to train.
        resources: what it may take of its machine.
        shared: where trials' folders travel through; None: the machine sees the job's folder.
    """
    return {
        "shared": shared,
        "number": number,
        "job": json.dumps(job.as_dict()),
        "resources": json.dumps(asdict(resources)),
        "folder": str(Path.cwd()),
    }


def report_of(message: str) -> EpochReport:
    return EpochReport(**json.loads(message))


def candidate_of(message: str) -> Candidate:
    return Candidate.from_dict(json.loads(message))


def _placed(job: TrialJob, resources: TrialResources, at_home: bool) -> TrialJob:
    """The job with what depends on the machine: threads, device, cache."""
    cache = job.cache_folder if at_home else node_cache()
    cache.mkdir(parents=True, exist_ok=True)
    return replace(job, threads=max(1, int(resources.cpus)), device=_device(resources), cache_folder=cache)


def node_cache() -> Path:
    """Where this machine keeps decoded images."""
    named = os.environ.get(NODE_CACHE)
    return Path(named) if named else Path(tempfile.gettempdir()) / f"paretext-cache-{os.getuid()}"


def _device(resources: TrialResources) -> str:
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
