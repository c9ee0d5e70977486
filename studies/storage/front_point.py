"""A measured file of a study as a point: what the front, its pictures, promotion and scripts see of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from search_space.architecture import Architecture
from studies.definition.configuration import Configuration
from trainers.base.candidate import READING_CER, Measurement
from trainers.base.right_lines import RightLines
from trainers.evaluation.uncertainty import p_of_equal, wilson_interval


@dataclass(frozen=True)
class FrontPoint:
    """One measured file of a study.

    Attributes:
        trial: its number in the study.
        accuracy: share of validation lines read without an error, [0, 1].
        cer: total edits / total characters.
        size_bytes: of the exported file.
        latency_ms: median time of one line alone, one thread.
        parameters: learnable weights (after pruning).
        architecture: field to value.
        model: absolute path of the ONNX file.
        flops: multiply-adds of one image of 3 x 32 x 320; None in studies that did not record them.
        validation_lines: number of lines that it was measured on; 0 when that is not known.
        epochs_trained: epochs that it had been trained for; None when that is not known.
        epochs: epochs of a full training in its study; None when that is not known.
        right_lines: which validation lines it reads; None in studies that did not record it.
        sha256: hash of the file when it was measured; None in studies that did not record it.
        equal_to: trial of the next smaller point of the front when the validation lines do not tell the two apart.
        equal_p: p-value of that comparison.
        test_accuracy: share of test lines read without an error; None when none have been read.
        test_cer: character error rate of the test lines.
        test_lines: number of test lines read.
        recipe: `[recipe]` of a study file that trains as it was trained; empty when that is not known.
        searched: those settings of it that its study searches.
        finish_lines: training lines that a finish has shown after the training; None without one.
    """

    trial: int
    accuracy: float
    cer: float
    size_bytes: int
    latency_ms: float
    parameters: int
    architecture: dict[str, Any]
    model: str
    flops: int | None = None
    validation_lines: int = 0
    epochs_trained: int | None = None
    epochs: int | None = None
    right_lines: RightLines | None = None
    sha256: str | None = None
    equal_to: int | None = None
    equal_p: float | None = None
    test_accuracy: float | None = None
    test_cer: float | None = None
    test_lines: int = 0
    recipe: dict[str, Any] = field(default_factory=dict)
    searched: tuple[str, ...] = ()
    finish_lines: int | None = None

    @classmethod
    def of(cls, trial: int, measured: Measurement, architecture: Mapping[str, Any], model: Path, **known: Any) -> FrontPoint:
        """The point of a measured file.

        Args:
            trial: its number in the study.
            measured: what was measured of it.
            architecture: field to value.
            model: absolute path of the ONNX file.
            known: further attributes, by name.
        """
        return cls(
            trial=trial,
            accuracy=measured.accuracy,
            cer=measured.cer,
            size_bytes=measured.size_bytes,
            latency_ms=measured.latency_ms,
            parameters=measured.parameters,
            architecture=dict(architecture),
            model=str(model),
            flops=measured.flops,
            validation_lines=measured.lines,
            right_lines=measured.right_lines,
            sha256=measured.sha256,
            finish_lines=measured.finish_lines,
            **known,
        )

    @property
    def reads(self) -> bool:
        """Whether the file reads at all; one that does not is never on the front."""
        return self.cer < READING_CER

    @property
    def accuracy_interval(self) -> tuple[float, float] | None:
        """95 % confidence interval of the accuracy; None when the number of lines is not known."""
        return wilson_interval(self.accuracy, self.validation_lines) if self.validation_lines else None

    @property
    def test_interval(self) -> tuple[float, float] | None:
        """95 % confidence interval of the accuracy on the test lines; None when none have been read."""
        return None if self.test_accuracy is None else wilson_interval(self.test_accuracy, self.test_lines)

    @property
    def is_checkpoint(self) -> bool:
        """Whether it was exported before the last epoch of its training."""
        return self.epochs_trained is not None and self.epochs is not None and self.epochs_trained < self.epochs

    @property
    def stage(self) -> str:
        """How far its training had come, in words: "after 9 of 40 epochs", "after its finish", or both; empty at the end."""
        before = [f"after {self.epochs_trained} of {self.epochs} epochs"] if self.is_checkpoint else []
        return " and ".join([*before, *(["its finish" if before else "after its finish"] if self.finish_lines else [])])

    @property
    def configuration(self) -> Configuration:
        """What was trained.

        Raises:
            RefusedArchitecture: this version of Paretext refuses what an earlier one has built.
        """
        return Configuration(Architecture.from_dict(self.architecture), {name: self.recipe[name] for name in self.searched})

    def same_as(self, other: FrontPoint) -> float | None:
        """p-value of McNemar's test of two files that the validation lines do not tell apart.

        None when they do, and when the two were not measured on the same lines, or when it was not recorded on which.
        """
        return p_of_equal(self.right_lines, other.right_lines)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, the keys in the order above, without the single lines."""
        values = asdict(self)
        del values["right_lines"], values["searched"]
        low, high = self.accuracy_interval or (None, None)
        tested = self.test_interval or (None, None)
        return values | dict(
            zip(("accuracy_low", "accuracy_high", "test_accuracy_low", "test_accuracy_high"), (low, high, *tested), strict=True)
        )
