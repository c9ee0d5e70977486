"""What a promotion has done: the version that has become the champion, or that would."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from studies.registry.champion_changes import CHALLENGER, CHAMPION
from studies.registry.promotion_gate import Comparison
from studies.storage.front_point import FrontPoint

Outcome = Literal["promoted", "forced", "challenger", "unchanged"]
"""What became of a candidate, see `PromotedVersion`."""


@dataclass(frozen=True)
class PromotedVersion:
    """A model version that has become the champion or the challenger.

    Attributes:
        model: name of the registered model.
        version: number of the version; in a dry run, of the one that would be registered.
        previous_version: number of the previous champion; None if there was none.
        address: URI of the version, `models:/NAME@champion` or `models:/NAME@challenger`.
        study: name of the study that the candidate comes from; None if it was trained by `paretext train`.
        trial: number of the candidate's trial; None without a study.
        accuracy: fraction of validation lines that are read without an error, in [0, 1], as measured in the study.
        accuracy_low: lower end of its 95 % confidence interval; None if the number of validation lines is not known.
        accuracy_high: upper end of that interval.
        validation_lines: number of lines that it was measured on; 0 if that is not known.
        size_bytes: size of the ONNX file.
        sha256: hash of the ONNX file, as hexadecimal digits.
        test_accuracy: fraction of test lines that are read without an error; None if none have been read.
        test_accuracy_low: lower end of its 95 % confidence interval.
        test_accuracy_high: upper end of that interval.
        test_cer: character error rate of the test lines.
        test_lines: number of test lines read.
        parent: what its training began with, such as "models:/reader/3"; None for random weights.
        precision: how its weights are stored; it is not that of its trial if the file was coded anew.
        outcome: "promoted"; "forced": promoted although the gate had refused it; "challenger": refused, and registered beside
            the champion; "unchanged": its file is that of the champion already.
        gate: what the gate has said; None if there was no champion or no gate.
        comparison: what the two have read of the same lines; None if nothing was compared.
        dry_run: whether this is only what would happen.
    """

    model: str
    version: int
    previous_version: int | None
    address: str
    study: str | None
    trial: int | None
    accuracy: float
    accuracy_low: float | None
    accuracy_high: float | None
    validation_lines: int
    size_bytes: int
    sha256: str
    test_accuracy: float | None = None
    test_accuracy_low: float | None = None
    test_accuracy_high: float | None = None
    test_cer: float | None = None
    test_lines: int = 0
    parent: str | None = None
    precision: str | None = None
    outcome: Outcome = "promoted"
    gate: str | None = None
    comparison: Comparison | None = None
    dry_run: bool = False

    @classmethod
    def of(
        cls,
        point: FrontPoint,
        study: str | None,
        model: str,
        version: int,
        previous_version: int | None,
        sha256: str,
        parent: str | None = None,
    ) -> PromotedVersion:
        """The version of a candidate as the champion; the arguments are those of the attributes."""
        low, high = point.accuracy_interval or (None, None)
        test_low, test_high = point.test_interval or (None, None)
        return cls(
            model=model,
            version=version,
            previous_version=previous_version,
            address=f"models:/{model}@{CHAMPION}",
            study=study,
            trial=None if study is None else point.trial,
            accuracy=point.accuracy,
            accuracy_low=low,
            accuracy_high=high,
            validation_lines=point.validation_lines,
            size_bytes=point.size_bytes,
            sha256=sha256,
            test_accuracy=point.test_accuracy,
            test_accuracy_low=test_low,
            test_accuracy_high=test_high,
            test_cer=point.test_cer,
            test_lines=point.test_lines,
            parent=parent,
            precision=point.architecture.get("precision"),
        )

    @property
    def alias(self) -> str:
        """The alias that the version has."""
        return CHALLENGER if self.outcome == "challenger" else CHAMPION

    def with_(self, **changes: Any) -> PromotedVersion:
        """The same version with some attributes replaced; the address has its alias."""
        changed = replace(self, **changes)
        return replace(changed, address=f"models:/{changed.model}@{changed.alias}")

    def as_dict(self) -> dict[str, Any]:
        """Returns the attributes as a dictionary that can be written as JSON."""
        return asdict(self)
