"""A study with a trial of every fate, made by the search itself in seconds, for tests of what shows a study.

    workspace = shown_study(folder)            # at least 30 trials of the study `shown`

The loop, the storage, the files and the measurements are real. Only the trainings are not: `TemplateEngine` gives each
architecture a network of one convolution that reads more lines, the larger the architecture is (`testing.template_reader`), in
a file of the bytes that the architecture would have. Its epochs are invented so that they end at what the file really reads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from math import log2
from pathlib import Path
from typing import Any

from search_space.architecture import Architecture
from studies.definition.study import Study, resolve
from studies.engines.base import EpochFinished, Event, TrialFailed, TrialFinished, TrialPaused
from studies.registry.tracker import NoTracker, Tracker
from studies.run.search import search
from studies.workspace.paths import Workspace
from testing.template_reader import HEIGHT_PX, STRIDE_PX, TemplateReader, write_lines
from trainers.base.candidate import Candidate
from trainers.base.progress import EpochReport
from trainers.trial.epoch_log import add_epoch
from trainers.trial.run import TrialJob

NAME = "shown"
"""Name of the study."""
SPACE: dict[str, Any] = {
    "backbone": ["mobilenetv3_small"],
    "width_percent": [25, 50, 75, 100],
    "neck": ["none", "fpn_a", "fpn_b", "fpn_c"],
    "auxiliary": ["none", "super_resolution"],
    "encoder_hidden": [16, 48],
    "precision": ["fp32", "int8"],
}
"""Small enough that a random sampler repeats itself, with architectures that cannot be built: super-resolution needs a neck."""
SIZE_LIMIT = "1.2MB"
"""Below the largest architectures, so that some are over it."""
LINES, VALIDATION_LINES, TEST_LINES = 60, 120, 120
"""Lines of each kind; the training lines are only there to give the characters."""
EPOCHS = 9
"""Epochs of a full training: with `first_rung` 3, rungs at 3, 6 and 9."""
TRIALS = 20
"""Trainings of the first run, some of which early stopping ends."""
MORE_TRIALS = 4
"""Trainings of the second run, which is interrupted, so that some are suspended."""
SEED = 2
"""A seed with which the sampler repeats itself, so that there are duplicates."""
FAILING = 5
"""The training, counted from 0, that fails in its second epoch."""
INTERRUPTED_AFTER = 4
"""Events of the second run after which it is interrupted as by Ctrl-C."""
NOISES = (0.1, 0.3, 0.45, 0.55, 0.65, 0.8)
"""Noise in the weights of the networks, from those of the largest architectures to those of the smallest."""
LEAST_BYTES = 150_000
"""Bytes of an fp32 file from which on an architecture gets the next better of these networks with each doubling."""


def shown_study(
    folder: Path, tracker: Tracker | None = None, objectives: list[str] | None = None, name: str = NAME
) -> Workspace:
    """Makes a study home with one study in it: its trials, models, epoch logs, log, lines and test scores.

    Args:
        folder: of the workspace; the lines are beside it. It may hold other studies already.
        tracker: records the runs; None records nothing, which saves the seconds that MLflow takes to start.
        objectives: what the study searches for; None means accuracy and size.
        name: of the study.
    """
    workspace, lines = Workspace(folder).prepare(), folder.parent / "shown-lines"
    if not lines.exists():
        for part, count in (("train", LINES), ("validation", VALIDATION_LINES), ("test", TEST_LINES)):
            write_lines(lines / part, count, seed=len(part))
    engine = TemplateEngine(failing=FAILING)
    search(_study(name, lines, TRIALS, objectives), workspace, engine=engine, tracker=tracker or NoTracker())
    second = TemplateEngine(known=engine.epochs, interrupted_after=INTERRUPTED_AFTER)
    search(_study(name, lines, TRIALS + MORE_TRIALS, objectives), workspace, engine=second, tracker=tracker or NoTracker())
    return workspace


def _study(name: str, lines: Path, trials: int, objectives: list[str] | None) -> Study:
    data = {part: str(lines / folder) for part, folder in (("source", "train"), ("validation", "validation"), ("test", "test"))}
    rules: dict[str, Any] = {"sampler": "random", "early_stopping": "promotion", "first_rung": 3, "eta": 2, "seed": SEED}
    values = {
        "name": name,
        "data": data,
        "space": SPACE,
        "limits": {"size": SIZE_LIMIT},
        "budget": {"trials": trials, "epochs": EPOCHS},
        "search": rules if objectives is None else rules | {"objectives": objectives},
    }
    return resolve(values, "testing.shown_study")


class TemplateEngine:
    """Trains nothing; measures real files.

    Args:
        slots: trainings at the same time.
        failing: number of the training, in the order of their starts, that fails in its second epoch; None: none does.
        interrupted_after: epochs, of all trainings together, after which Ctrl-C is pressed; None: it is not.
        known: epochs of earlier trainings, by the name of their folder, as checkpoints would hold them.

    Attributes:
        epochs: folder to the epochs that its training has had.
    """

    def __init__(
        self,
        slots: int = 2,
        failing: int | None = None,
        interrupted_after: int | None = None,
        known: Mapping[str, int] | None = None,
    ) -> None:
        self.slots, self.epochs = slots, dict(known or {})
        self._failing, self._interrupted_after = failing, interrupted_after
        self._open: deque[tuple[int, TrialJob, int]] = deque()
        self._stopped: set[int] = set()
        self._started: dict[str, int] = {}
        self._reported = 0

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        self._started.setdefault(job.folder.name, len(self._started))
        self._open.append((number, job, until_epoch or job.epochs))

    def stop(self, number: int) -> None:
        self._stopped.add(number)

    def wait(self, timeout_s: float) -> list[Event]:
        if self._reported == self._interrupted_after:
            self._interrupted_after = None
            raise KeyboardInterrupt
        if not self._open:
            return []
        number, job, until = self._open.popleft()
        if job.export_only:
            return [TrialFinished(number, self._candidates(job))]
        epoch = self.epochs.get(job.folder.name, 0) + 1
        if epoch == 2 and self._started[job.folder.name] == self._failing:
            return [TrialFailed(number, "nan", "the loss is not finite in epoch 2")]
        return self._trained(number, job, epoch, until)

    def close(self) -> None:
        self._open.clear()

    def _trained(self, number: int, job: TrialJob, epoch: int, until: int) -> list[Event]:
        """What happens in an epoch."""
        report = _report(job, epoch)
        job.folder.mkdir(parents=True, exist_ok=True)
        add_epoch(job.folder, report)
        self.epochs[job.folder.name] = epoch
        self._reported += 1
        happened: list[Event] = [EpochFinished(number, report)]
        if epoch == job.epochs:
            return [*happened, TrialFinished(number, self._candidates(job))]
        if epoch >= until or number in self._stopped:
            return [*happened, TrialPaused(number, epoch)]
        self._open.append((number, job, until))
        return happened

    def _candidates(self, job: TrialJob) -> Candidate:
        """The files of a training as it stands, measured."""
        lacking = job.epochs - self.epochs[job.folder.name]
        own, *others = (job.architecture.with_(precision=p) for p in (job.architecture.precision, *job.also_in))
        also = tuple(_candidate(job, each, f"{each.precision}-model.onnx", lacking) for each in others)
        return replace(_candidate(job, own, "model.onnx", lacking), also=also)


def _report(job: TrialJob, epoch: int) -> EpochReport:
    """An epoch of a training that ends at what its file reads."""
    from trainers.data.open_datasets import prepare_once

    lines = prepare_once(job.data, job.cache_folder).validation
    cer, accuracy = _reads(_noise(job.architecture, 0), tuple(lines.text(i) for i in range(len(lines))), job)
    left = (job.epochs - epoch) / job.epochs  # of the training
    return EpochReport(epoch, job.epochs, 0.1 + 4 * left**2 + cer, accuracy * (1 - left) ** 2, cer + (0.95 - cer) * left, 1.5)


def _noise(architecture: Architecture, lacking: int) -> float:
    """Noise of the network of an architecture; more where epochs are lacking."""
    better = max(0, int(log2(_estimated(architecture.with_(precision="fp32")) / LEAST_BYTES)))
    noise = NOISES[max(0, len(NOISES) - 1 - better)]
    return noise * (1.15 if architecture.neck == "none" else 1.0) + 0.02 * lacking


@cache
def _estimated(architecture: Architecture) -> int:
    from trainers.export.size_estimate import estimate_bytes

    return estimate_bytes(architecture, 27)


@cache
def _graph(charset: tuple[str, ...], noise: float) -> Any:
    from trainers.export.onnx_file import graph_of

    return graph_of(TemplateReader(charset, noise), HEIGHT_PX)


_READ: dict[tuple[float, tuple[str, ...]], tuple[float, float]] = {}
"""CER and accuracy of the networks that have been measured, by their noise and the labels."""


def _reads(noise: float, labels: tuple[str, ...], job: TrialJob) -> tuple[float, float]:
    """CER and accuracy of a network."""
    if (noise, labels) not in _READ:
        made = _candidate(job, job.architecture, "look-ahead.onnx", 0)
        made.model.unlink()
        _READ[noise, labels] = made.measurement.cer, made.measurement.accuracy
    return _READ[noise, labels]


def _candidate(job: TrialJob, architecture: Architecture, name: str, lacking: int) -> Candidate:
    """A file of an architecture: the network of its size, with as many bytes as the architecture would have."""
    import copy

    from trainers.data.open_datasets import prepare_once
    from trainers.evaluation.measure import measure
    from trainers.export.onnx_file import finished
    from trainers.inference.model_metadata import ModelMetadata

    prepared, path = prepare_once(job.data, job.cache_folder), job.folder / name
    symbols, fields = prepared.charset.symbols, architecture.as_dict()
    metadata = ModelMetadata(symbols, "none", HEIGHT_PX, STRIDE_PX, fields, architecture.digest, prepared.digest)
    graph = copy.deepcopy(_graph(symbols, _noise(architecture, lacking)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_padded(finished(graph, metadata, architecture.precision), _estimated(architecture)))
    weights = _estimated(architecture.with_(precision="fp32")) // 4
    return Candidate(architecture, measure(path, prepared.validation, weights, flops=weights * 150), path)


def _padded(file: bytes, size_bytes: int) -> bytes:
    """A file with as many bytes, more or less, in metadata that nobody reads."""
    import onnx

    if len(file) >= size_bytes:
        return file
    model = onnx.load_from_string(file)
    entry = model.metadata_props.add()
    entry.key, entry.value = "padding", "x" * (size_bytes - len(file))
    padded: bytes = model.SerializeToString()
    return padded
