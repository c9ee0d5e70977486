"""Makes a model again from the record of its training, and says whether it came out the same, byte for byte.

Decisions:
- Training again is the only proof. Everything happens in a temporary folder; neither studies nor the registry change.
- Lines must be those of the record: other lines give another model, and that is said before anything is trained.
- A parent that was kept is found by its hash, wherever it is in the workspace. One that was not is made again too, if a model
  of its training was kept: the record of that model names the training, and its parents in turn.
- What differs between then and now (libraries, Python, processor) is named only where the bytes differ.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_space.coded_precision import step_percent
from studies.registry.model_lookup import find_model
from studies.registry.model_record import find_record, records_in
from studies.workspace.paths import Workspace
from trainers.base.candidate import Candidate
from trainers.base.errors import UserError
from trainers.base.file_digest import file_sha256
from trainers.base.lineage import Ancestor
from trainers.base.progress import EpochReport, Paused
from trainers.inherit.parent import Parent
from trainers.trial.run import TrialJob, run_trial
from trainers.trial.training_record import TrainingRecord, machine, read_record, versions

if TYPE_CHECKING:
    from trainers.data.dataset import LineDataset

MOST_GENERATIONS = 8
"""Parents of parents that are made again, one after another: as many as a lineage records."""


@dataclass(frozen=True)
class Reproduction:
    """What came of making a model again.

    Attributes:
        model: what was made again, as a message names it.
        sha256: hash of the model.
        found_sha256: hash of the file that was made; the same exactly if all bytes are.
        epochs: that were trained for it, those of parents that were made again included.
        accuracy: of the model on the validation lines of its training, in [0, 1].
        found_accuracy: of the file that was made.
        size_bytes: of the model.
        found_size_bytes: of the file that was made.
        differences: one line for each thing that is not as it was; empty if nothing is known to differ.
    """

    model: str
    sha256: str
    found_sha256: str
    epochs: int
    accuracy: float
    found_accuracy: float
    size_bytes: int
    found_size_bytes: int
    differences: tuple[str, ...] = ()

    @property
    def identical(self) -> bool:
        """Whether the files are equal, byte for byte."""
        return self.sha256 == self.found_sha256

    def as_dict(self) -> dict[str, Any]:
        """The result as values that JSON can hold."""
        return asdict(self) | {"identical": self.identical, "differences": list(self.differences)}


def reproduce(
    model: str | None,
    workspace: Workspace,
    report: Callable[[EpochReport], None] = lambda _: None,
    note: Callable[[str], None] = lambda _: None,
) -> Reproduction:
    """Trains a model again and compares the bytes of the two files.

    Args:
        model: see `studies.registry.model_lookup.FORMS`; None is the newest champion.
        workspace: holds the registry, the studies and the cache of decoded lines.
        report: receives the report of each epoch.
        note: receives one line when a parent is made again.

    Raises:
        UserError: there is no such model or no record of its training; its lines are not those of the record; a parent is
            missing and cannot be made again; or it was trained on a device that this machine does not have.
        TrainingFault: the training failed.
    """
    found = find_model(model, workspace)
    if not found.file.is_file():
        raise UserError(f"there is no model file {found.file}")
    sha256 = file_sha256(found.file)
    record = find_record(found.file, sha256, workspace)
    with tempfile.TemporaryDirectory(prefix="paretext-reproduce-") as folder:
        maker = _Maker(workspace, Path(folder), report, note)
        made = maker.file(record, found.title)
        same = made.measurement.sha256 == sha256
        return Reproduction(
            model=found.title,
            sha256=sha256,
            found_sha256=file_sha256(made.model),
            epochs=maker.epochs,
            accuracy=made.measurement.accuracy if same else maker.accuracy(record, found.file),
            found_accuracy=made.measurement.accuracy,
            size_bytes=found.file.stat().st_size,
            found_size_bytes=made.measurement.size_bytes,
            differences=() if same else (*maker.differences, *_changes(record)),
        )


def _changes(record: TrainingRecord) -> Iterator[str]:
    """What is installed here and was not then."""
    now = versions()
    for name in sorted({*record.versions, *now}):
        before, found = record.versions.get(name, "not installed"), now.get(name, "not installed")
        if before != found:
            yield f"{name} {before} then, {found} now"
    if record.machine != machine():
        yield f"processor {record.machine} then, {machine()} now"


class _Maker:
    """Trains from records, each in a folder of its own.

    Args:
        workspace: where parents are searched, and whose cache of decoded lines is used.
        folder: to train in.
        report, note: see `reproduce`.

    Attributes:
        epochs: that it has trained.
        differences: parents that did not come out the same.
    """

    def __init__(
        self, workspace: Workspace, folder: Path, report: Callable[[EpochReport], None], note: Callable[[str], None]
    ) -> None:
        self._workspace, self._folder, self._report, self._note = workspace, folder, report, note
        self._made = 0
        self.epochs, self.differences = 0, list[str]()

    def file(self, record: TrainingRecord, name: str) -> Candidate:
        """Trains the file of a record.

        Args:
            record: of the file.
            name: what to call the model in a message.
        """
        job = self._job(record, name, 0)
        job = job if record.precision == job.architecture.precision else replace(job, also_in=(record.precision,))
        trained, _ = self._train(job, record.epochs_trained)
        if isinstance(trained, Paused):
            trained = run_trial(replace(job, export_only=True), lambda _: True)
        assert isinstance(trained, Candidate)
        file = next(file for file in (*trained.also, trained) if file.asked.precision == record.precision)
        return file if record.recoded is None else self._recoded(file, record.recoded, job)

    def _recoded(self, source: Candidate, precision: str, job: TrialJob) -> Candidate:
        """A file coded again from another one, as `paretext promote` does it to fit a size."""
        from trainers.trial.recoding import Recoding

        step, recoding = step_percent(precision), Recoding(source.model)
        if step is None:
            raise UserError(f"the record of the model names '{precision}', which is no coded precision; restore it from a copy")
        path = source.model.with_name("recoded.onnx")
        return recoding.candidate(recoding.with_step(step), path, self._lines(job).validation, source.measurement)

    def accuracy(self, record: TrainingRecord, file: Path) -> float:
        """The fraction of the validation lines that a file reads without an error."""
        from trainers.evaluation.measure import are_right, read_all
        from trainers.inference.reader import Reader

        lines = self._lines(TrialJob.from_dict(self._values(record, self._folder))).validation
        readings = read_all(Reader(file), lines)
        return sum(are_right(lines, readings)) / max(1, len(lines))

    def _values(self, record: TrainingRecord, folder: Path) -> dict[str, Any]:
        return {**record.job, "cache_folder": str(self._workspace.cache), "folder": str(folder), "parents": []}

    def _job(self, record: TrainingRecord, name: str, generation: int) -> TrialJob:
        """The job of a record, with its parents where they are now, after a comparison of its lines.

        Raises:
            UserError: see `reproduce`.
        """
        self._made += 1
        job = TrialJob.from_dict(self._values(record, self._folder / str(self._made)))
        _check_device(job.device, name)
        digest = self._lines(job).digest
        if digest != record.data_digest:
            raise UserError(
                f"the lines of {job.data.training} are not those that {name} was trained on (digest {record.data_digest} then, "
                f"{digest} now); restore them from a copy"
            )
        return job if record.lineage is None else replace(job, parents=(self._parent(record, name, generation),))

    def _lines(self, job: TrialJob) -> LineDataset:
        from trainers.data.open_datasets import prepare_once

        self._workspace.cache.mkdir(parents=True, exist_ok=True)
        return prepare_once(job.data, job.cache_folder)

    def _train(self, job: TrialJob, epochs: int) -> tuple[Candidate | Paused, EpochReport]:
        """Trains to an epoch; returns what came of it, and the report of that epoch."""
        reports = list[EpochReport]()

        def count(report: EpochReport) -> bool:
            self.epochs += all(report.epoch != before.epoch for before in reports)  # a finish tells the last epoch again
            reports.append(report)
            self._report(report)
            return True

        outcome = run_trial(job, count, epochs)
        return outcome, next(each for each in reports if each.epoch == min(epochs, job.epochs))

    def _parent(self, record: TrainingRecord, name: str, generation: int) -> Parent:
        """What the network of a record began with."""
        assert record.lineage is not None
        wanted, known = record.lineage.parent, [Parent.from_dict(values) for values in record.job["parents"]]
        if known and known[0].file is None:
            self._check_starter(record, wanted)
            return known[0]
        places = (self._workspace.folder / "studies", self._workspace.models, self._workspace.mlflow_artifacts)
        files = [known[0].file] if known and known[0].file is not None else []
        for place in places:
            files += [f for f in sorted(place.rglob("*")) if f.suffix in (".safetensors", ".onnx")] if place.is_dir() else []
        for file in files:
            if file.is_file() and wanted.sha256 in (None, file_sha256(file)):
                return Parent(wanted.name, file, wanted.sha256, wanted.epochs, wanted.lines)
        return self._parent_again(record, wanted, name, generation)

    def _check_starter(self, record: TrainingRecord, wanted: Ancestor) -> None:
        from search_space.architecture import Architecture
        from trainers.inherit.starter import starter_record

        here = starter_record(Architecture.from_dict(record.job["architecture"]))
        if here is None or here.sha256 != wanted.sha256:
            self.differences.append(f"the starter weights of paretext {record.versions.get('paretext', '')} were others")

    def _parent_again(self, record: TrainingRecord, wanted: Ancestor, name: str, generation: int) -> Parent:
        """Trains a parent that is no longer there, from the record of a model of the same training.

        Raises:
            UserError: there is no such record.
        """
        missing = (
            f"{name} began with weights of {wanted.name} (SHA-256 {(wanted.sha256 or 'unknown')[:12]}…), which are missing"
        )
        if generation >= MOST_GENERATIONS:
            raise UserError(f"{missing}; more than {MOST_GENERATIONS} generations are not made again")
        origin = next(self._trainings(record, wanted), None)
        if origin is None:
            raise UserError(f"{missing}, and no model of that training is kept from which they could be made again")
        from trainers.inherit.weights_file import write_weights
        from trainers.trial.trained_weights import trained_weights

        own = wanted.epochs - (0 if origin.lineage is None else origin.lineage.epochs)
        self._note(f"{wanted.name}, which it began with, is trained again for {own} epochs")
        job = self._job(origin, wanted.name, generation + 1)
        _, last = self._train(job, own)
        found = trained_weights(job, self._lines(job), own, last.cer, origin.lineage)
        assert found is not None
        file = job.folder / "weights.safetensors"
        write_weights(file, *found)
        if file_sha256(file) != wanted.sha256:
            self.differences.append(f"{wanted.name}, which it began with, was trained again and has other weights")
        return Parent(wanted.name, file, None, wanted.epochs, wanted.lines)

    def _trainings(self, record: TrainingRecord, wanted: Ancestor) -> Iterator[TrainingRecord]:
        """Records of trainings that have given the weights of a parent: on the same lines, for at least as long."""
        from search_space.architecture import Architecture, RefusedArchitecture

        for path in records_in(self._workspace):
            try:
                other = read_record(path)
                digest = Architecture.from_dict(other.job["architecture"]).digest
            except (UserError, FileNotFoundError, RefusedArchitecture):
                continue
            before = 0 if other.lineage is None else other.lineage.epochs
            same = digest == wanted.architecture and other.data_digest == record.data_digest
            if same and other.job["seed"] == record.job["seed"] and before < wanted.epochs <= before + int(other.job["epochs"]):
                yield other


def _check_device(device: str, name: str) -> None:
    if device.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            raise UserError(f"{name} was trained on {device}, and this machine has no GPU; train it again where there is one")
