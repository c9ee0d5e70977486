"""What it takes to make a model again, as a record that is kept with it: `paretext reproduce` trains from it.

Decisions:
- The record is JSON beside the ONNX file and not in it: it names folders, and the bytes of a file that ships depend on nothing
  but its network and the libraries that made it.
- Of the parents that a job names only one is used; the lineage says which, and only that one is recorded, with its hash.
- The number of CPU threads belongs to it, since sums are formed in another order with other threads. So do the versions of the
  libraries that compute, and the instructions of the processor, which round differently.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError
from trainers.base.file_digest import file_sha256
from trainers.base.lineage import Lineage

if TYPE_CHECKING:
    from trainers.trial.run import TrialJob

SUFFIX = ".training.json"
"""Ending of a record's name; before it comes the name of the model file without `.onnx`."""
FORMAT = 1
"""Version of the record; a new number when this version would misread what a later one writes."""
RECODED_FORMAT = 2
"""Version of the record of a file that was coded again after its training; versions that know format 1 would make another."""
LIBRARIES = ("paretext", "torch", "timm", "onnx", "onnxruntime", "numpy", "scipy", "pillow", "torch-pruning", "scikit-learn")
"""Libraries whose version can change the bytes of a model."""
SETTINGS = ("architecture", "recipe", "epochs", "seed", "threads", "device", "finish")
"""Keys of a job that decide its result, besides its data and its parents."""


@dataclass(frozen=True)
class TrainingRecord:
    """What it takes to make one model file again.

    Attributes:
        job: architecture, data, recipe, epochs, seed, threads, device, finish and parents of the training, as
            `TrialJob.as_dict` has them; the sources are absolute. The parents are none, or the one that was used.
        epochs_trained: after which the file was exported.
        data_digest: of the lines, 16 hexadecimal digits (`trainers.data.dataset.LineDataset.digest`).
        precision: that the file was asked for in, or the file that it was coded again from.
        sha256: hash of the file.
        lineage: what the network inherited; None if it began with random weights.
        versions: library to the version that was installed, Python among them.
        machine: processor and its instructions, such as "x86_64 AVX2".
        recoded: the precision in which the file was coded again after the training (`trainers.trial.recoding`); None if it was
            not.
    """

    job: Mapping[str, Any]
    epochs_trained: int
    data_digest: str
    precision: str
    sha256: str
    lineage: Lineage | None
    versions: Mapping[str, str]
    machine: str
    recoded: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The record as values that JSON can hold."""
        return {
            "format": FORMAT if self.recoded is None else RECODED_FORMAT,
            **self.__dict__,
            "lineage": None if self.lineage is None else self.lineage.as_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingRecord:
        """The record that `as_dict` returned these values for.

        Raises:
            ValueError: a later version wrote it.
            KeyError: a value is missing.
        """
        if values["format"] not in (FORMAT, RECODED_FORMAT):
            raise ValueError(f"its format is {values['format']!r}, this version reads {FORMAT} and {RECODED_FORMAT}")
        lineage = values["lineage"]
        return cls(
            **{key: values[key] for key in cls.__dataclass_fields__ if key not in ("lineage", "recoded")},
            lineage=None if lineage is None else Lineage.from_dict(lineage),
            recoded=values.get("recoded"),
        )


def record_file(model: Path) -> Path:
    """Where the record of a model file is."""
    return model.with_name(model.name.removesuffix(".onnx") + SUFFIX)


def write_record(
    model: Path,
    precision: str,
    job: TrialJob,
    data: Mapping[str, Any],
    data_digest: str,
    epochs_trained: int,
    lineage: Lineage | None,
) -> None:
    """Writes the record of a model file beside it.

    Args:
        model: the file.
        precision: that it was asked for in.
        job: its training.
        data: the job's data with absolute sources, as JSON values.
        data_digest: of the lines.
        epochs_trained: after which the file was exported.
        lineage: what the network inherited.

    Raises:
        OSError: it cannot be written.
    """
    settings, used = job.as_dict(), None if lineage is None else lineage.parent
    parents = (
        [] if used is None else [p.as_dict() for p in job.parents if p.name == used.name and p.sha256 in (None, used.sha256)]
    )
    kept = {key: settings[key] for key in SETTINGS} | {"data": dict(data), "parents": parents[:1]}
    hashed, found = file_sha256(model), versions()
    _write(model, TrainingRecord(kept, epochs_trained, data_digest, precision, hashed, lineage, found, machine()))


def write_record_again(model: Path, source: Path, precision: str) -> None:
    """Writes the record of a file that was coded again from another one; nothing where that one has no record.

    Args:
        model: the new file.
        source: the file that it was coded from.
        precision: of the new file.

    Raises:
        OSError: it cannot be written.
        UserError: the record of the source is damaged.
    """
    try:
        record = read_record(record_file(source))
    except FileNotFoundError:  # trained by a version that kept none
        return
    _write(model, replace(record, sha256=file_sha256(model), recoded=precision, versions=versions(), machine=machine()))


def _write(model: Path, record: TrainingRecord) -> None:
    with atomic_write(record_file(model)) as temporary:
        temporary.write_text(json.dumps(record.as_dict(), ensure_ascii=False, indent=1), encoding="utf-8")


def read_record(file: Path) -> TrainingRecord:
    """Reads a record.

    Args:
        file: `record_file` of a model.

    Raises:
        FileNotFoundError: there is none.
        UserError: it cannot be read, is damaged, or a later version wrote it.
    """
    try:
        return TrainingRecord.from_dict(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file} cannot be read as the record of a training ({error}); restore it from a copy") from None


def record_beside(model: Path, sha256: str | None) -> TrainingRecord | None:
    """The record beside a model file; None if there is none, it is damaged, or it is of a file with another hash."""
    record = _readable(model)
    return record if record is not None and record.sha256 == sha256 else None


def checked_record(model: Path) -> TrainingRecord | None:
    """The record beside a model file, after a comparison with the file; None if there is none that can be read.

    Raises:
        UserError: the file is damaged, or was exchanged.
    """
    record = _readable(model)
    if record is not None and model.is_file() and file_sha256(model) != record.sha256:
        name = record_file(model).name
        raise UserError(
            f"{model} is not the file that was exported: its SHA-256 is not the one in {name}; restore it from a copy, "
            f"or delete {name} if you changed it yourself"
        )
    return record


def _readable(model: Path) -> TrainingRecord | None:
    try:
        return read_record(record_file(model))
    except (OSError, UserError):
        return None


@cache
def versions() -> dict[str, str]:
    """Library to the version that is installed here, Python among them; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # such as paretext in a checkout that was never installed
            continue
    return found


@cache
def machine() -> str:
    """The processor and its instructions, as torch uses them."""
    import torch

    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
