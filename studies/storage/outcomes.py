"""What became of a trial: one type for each fate, and their union `Outcome`.

Whoever handles an `Outcome` does so with `match` and ends with `assert_never`, so that mypy names every place that a new fate
must be added to. How outcomes are written to Optuna and read back: `studies.storage.trial_attributes`.

Decisions:
- COMPLETE in Optuna: `Measured`, `PrecisionVariantOf` and `CheckpointOf`. FAIL: `Failed`. PRUNED: everything else, because
  Optuna's samplers do not see failed trials and would propose the same parameters again and again.
- An outcome holds what is known of the result and nothing of the trial; `studies.storage.stored_trial.StoredTrial` has both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from trainers.base.candidate import Measurement

REFUSED_VIOLATION = 1.0
"""Constraint violation of what cannot be built: as much as a file of twice the size limit."""
FAILED_VIOLATION = 1.0
"""Constraint violation of what failed in training: samplers keep away from it as from what cannot be built."""


@dataclass(frozen=True)
class Running:
    """The trial is open: proposed, in training, or paused at a rung."""

    name: ClassVar[str] = "running"


@dataclass(frozen=True)
class Measured:
    """Trained to the end, exported, measured from its file, and within the limits.

    Attributes:
        measurement: of the exported file.
        model: the ONNX file, relative to the workspace folder.
        epochs: epochs that it was trained for.
    """

    name: ClassVar[str] = "measured"
    measurement: Measurement
    model: Path
    epochs: int


@dataclass(frozen=True)
class PrecisionVariantOf:
    """Another trial's training, stored in another precision and measured; the budget of trials does not count it.

    Attributes:
        trial: number of the trial that was trained.
        measurement: of the exported file.
        model: the ONNX file, relative to the workspace folder.
        reason: one line.
        epochs: epochs that it was trained for; None in studies that did not record them.
    """

    name: ClassVar[str] = "precision_variant"
    trial: int
    measurement: Measurement
    model: Path
    reason: str
    epochs: int | None = None


@dataclass(frozen=True)
class CheckpointOf:
    """Another trial's training as it stood before its last epoch, or after its finish, exported and measured.

    The budget does not count it. The training itself may continue, be stopped or be suspended: that is the outcome of its own
    trial.

    Attributes:
        trial: number of the trial that trains.
        measurement: of the exported file.
        model: the ONNX file, relative to the workspace folder.
        epochs: epochs that it had been trained for.
    """

    name: ClassVar[str] = "checkpoint"
    trial: int
    measurement: Measurement
    model: Path
    epochs: int

    @property
    def reason(self) -> str:
        """One line."""
        return f"trial {self.trial} after epoch {self.epochs}" + (" and its finish" if self.measurement.finish_lines else "")


@dataclass(frozen=True)
class Stopped:
    """Ended by early stopping before its last epoch.

    Attributes:
        epochs: epochs that it was trained for.
        reason: one line.
    """

    name: ClassVar[str] = "stopped"
    epochs: int
    reason: str


@dataclass(frozen=True)
class Suspended:
    """The budget of a run was spent; the next run of the study resumes the training from its checkpoint, as a new trial.

    Attributes:
        epochs: epochs that it was trained for.
        reason: one line.
    """

    name: ClassVar[str] = "suspended"
    epochs: int
    reason: str


@dataclass(frozen=True)
class Failed:
    """The training could not be finished.

    Attributes:
        reason: one line.
        epochs: epochs that it was trained for.
    """

    name: ClassVar[str] = "failed"
    reason: str
    epochs: int = 0


@dataclass(frozen=True)
class OverLimit:
    """Over a limit of the study: by its estimate, and then it never trained, or by its trained file.

    Attributes:
        reason: one line.
        violation: value / limit - 1, above 0.
        measurement: of the trained file; None when it never trained.
        epochs: epochs that it was trained for.
    """

    name: ClassVar[str] = "over_limit"
    reason: str
    violation: float
    measurement: Measurement | None = None
    epochs: int = 0


@dataclass(frozen=True)
class Refused:
    """The parameters describe an architecture that cannot be built.

    Attributes:
        reason: one line.
        violation: above 0; the same for all.
    """

    name: ClassVar[str] = "refused"
    reason: str
    violation: float = REFUSED_VIOLATION


@dataclass(frozen=True)
class Duplicate:
    """Answered from an earlier trial of the same architecture, or of another precision of it.

    Attributes:
        of: number of the earlier trial.
        reason: one line.
        result: what the earlier trial came to; None when it was not finished.
    """

    name: ClassVar[str] = "duplicate"
    of: int
    reason: str
    result: Measured | PrecisionVariantOf | Stopped | Failed | OverLimit | None = None


Outcome = (
    Running | Measured | PrecisionVariantOf | CheckpointOf | Stopped | Suspended | Failed | OverLimit | Refused | Duplicate
)
"""What became of a trial."""

Settled = Measured | PrecisionVariantOf | Stopped | Failed | OverLimit
"""Outcomes that answer the question what an architecture comes to: it is not trained a second time."""
