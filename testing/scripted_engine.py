"""An engine that returns scripted measurements at once, for tests of the search loop that do not depend on training."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from pathlib import Path

from search_space import Architecture
from studies.engines.base import EpochFinished, Event, TrialFailed, TrialFinished, TrialLost, TrialPaused
from trainers.base.candidate import Candidate, Measurement
from trainers.base.lineage import Lineage
from trainers.base.progress import EpochReport
from trainers.trial.run import TrialJob

STORED = {"fp32": 1.0, "fp16": 0.5, "int8": 0.27, "int4": 0.2, "coded": 0.17, "coded_50": 0.12, "coded_80": 0.1}
"""Bytes of a file, in those of fp32."""
SHARE = 0.9
"""Share of its weights that a new training inherits from its parent."""


class Killed(BaseException):
    """Ends a search in a test as SIGKILL would: no cleanup code of the search runs."""


class ScriptedEngine:
    """Trains nothing; an architecture's accuracy grows with its width and hidden size.

    A new training inherits `SHARE` of its weights from the first of its parents.

    Args:
        slots: trainings at the same time.
        break_after: raises `Killed` instead of this event (counted from 1), as a killed driver would end.
        script: digest to an event class that its first training ends with instead of TrialFinished.
        patient: trainings end only when they are stopped.
        whole_cer: character error rate of a file of a whole training that reads no line right; the default is that of rungs.
        best_after: epochs after which an architecture has its accuracy; None: those of the job.
    """

    def __init__(
        self,
        slots: int = 2,
        break_after: int | None = None,
        script: dict[str, type[TrialFailed] | type[TrialLost]] | None = None,
        patient: bool = False,
        whole_cer: float = 0.5,
        best_after: int | None = None,
    ) -> None:
        self.slots = slots
        self.trained: list[str] = []
        self.epochs: dict[str, int] = {}
        """Digest to the epochs trained so far; like checkpoints, it may be handed on to the next engine."""
        self.lineages: dict[str, Lineage] = {}
        """Digest to what the network inherited; part of the same checkpoints."""
        self.closed = False
        self._open: deque[tuple[int, TrialJob]] = deque()
        self._until: dict[int, int] = {}
        self._break_after, self._script, self._patient = break_after, dict(script or {}), patient
        self._whole_cer, self._best_after = whole_cer, best_after
        self._stopped: list[int] = []
        self._events = 0

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        assert len(self._open) < self.slots
        self._open.append((number, job))
        self._until[number] = until_epoch or job.epochs

    def stop(self, number: int) -> None:
        self._stopped.append(number)

    def wait(self, timeout_s: float) -> list[Event]:
        if self._patient:
            paused = [t for t, _ in self._open if t in self._stopped]
            self._open = deque((t, j) for t, j in self._open if t not in paused)
            return [TrialPaused(number, 1) for number in paused]
        if not self._open:
            return []
        if self._open[0][1].export_only:  # not counted, so that a script breaks off at the same training whatever is exported
            number, job = self._open.popleft()
            return [TrialFinished(number, self._candidates(job))]
        self._events += 1
        if self._events == self._break_after:
            raise Killed
        number, job = self._open.popleft()
        kind = self._script.pop(job.architecture.digest, None)
        if kind is TrialFailed:
            return [TrialFailed(number, "nan", "the loss is not finite")]
        if kind is TrialLost:
            self._open.append((number, job))
            lost: list[Event] = [TrialLost(number, "its worker process ended with code -9")]
            self._open.pop()
            return lost
        events: list[Event] = []
        digest, until = job.folder.name, self._until[number]
        stands = self.epochs.get(digest, 0)
        if not stands and job.parents:
            self.lineages[digest] = Lineage.of(SHARE, job.parents[0].ancestor)
        lineage = self.lineages.get(digest)
        for epoch in range(max(1, stands), max(until, stands) + 1):  # a resumed training reports its last epoch again
            accuracy = accuracy_of(job.architecture) * epoch / (self._best_after or job.epochs)
            report = EpochReport(epoch, job.epochs, 1.0, accuracy, (1 - accuracy) / 2, 0.1, lineage=lineage)
            events.append(EpochFinished(number, report))
        self.epochs[digest] = until = max(until, stands)
        if until < job.epochs:
            return [*events, TrialPaused(number, until)]
        self.trained.append(digest)
        return [*events, TrialFinished(number, self._candidates(job))]

    def close(self) -> None:
        self.closed = True

    def _candidates(self, job: TrialJob) -> Candidate:
        own, trained = job.architecture, self.epochs[job.folder.name] / (self._best_after or job.epochs)
        first, *further = job.only_in or (own.precision, *job.also_in)
        others = tuple(self._candidate(own.with_(precision=p), job.folder, f"{p}-model.onnx", trained) for p in further)
        made = self._candidate(own.with_(precision=first), job.folder, "model.onnx", trained)
        return replace(made, also=others, lineage=self.lineages.get(job.folder.name))

    def _candidate(self, a: Architecture, folder: Path, name: str, trained: float) -> Candidate:
        model = folder / name
        model.parent.mkdir(parents=True, exist_ok=True)
        size_bytes = int((1000 * a.width_percent + 100 * a.encoder_hidden) * STORED[a.precision])
        model.write_bytes(b"x" * size_bytes)
        accuracy = accuracy_of(a) * trained
        cer = (1 - accuracy) * (self._whole_cer if trained == 1 else 0.5)
        return Candidate(a, Measurement(accuracy, cer, size_bytes, 1.0, size_bytes // 4, 500, size_bytes * 9), model)


def accuracy_of(architecture: Architecture) -> float:
    """Grows with width and hidden size."""
    return min(1.0, architecture.width_percent / 200 + architecture.encoder_hidden / 400)
