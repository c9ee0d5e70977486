"""What a registered model says of itself: tags of its version, metadata in its `MLmodel` file, and a description.

The ONNX file is registered byte for byte. Its own metadata say how it was made and nothing of what it reads, since they are
written before it is measured: a score added afterwards would change the size and the hash of the file that was measured. The
scores of validation and test lines are therefore metadata of the registered model, which also travel with its folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from studies.registry.champion_changes import CHAMPION
from studies.registry.promotion_gate import Verdict
from studies.storage.front_point import FrontPoint

Facts = dict[str, str | int | float]
"""Name of a fact to its value."""
DECISION_FACTS = (
    "gate",
    "forced",
    "previous_version",
    "compared_version",
    "compared_on",
    "compared_lines",
    "compared_digest",
    "compared_accuracy",
    "compared_accuracy_low",
    "compared_accuracy_high",
    "champion_accuracy",
    "compared_p",
)
"""Facts of one promotion; a version that is promoted again gets new ones."""


def facts_of(
    point: FrontPoint,
    study: str | None,
    sha256: str,
    previous_version: int | None,
    lineage: Mapping[str, Any] | None = None,
    data_digest: str | None = None,
) -> Facts:
    """What is known of a candidate that is promoted; what is not known is left out.

    Args:
        point: the candidate.
        study: name of the study that it comes from; None if it was trained by `paretext train`.
        sha256: hash of its file, as hexadecimal digits.
        previous_version: number of the previous champion; None if there was none.
        lineage: what its network inherited (`trainers.base.lineage.Lineage.scalars`); empty or None with random weights.
        data_digest: of the lines that it was trained and measured on; None if it is not known.
    """
    low, high = point.accuracy_interval or (None, None)
    known: dict[str, str | int | float | None] = {
        "study": study,
        "trial": None if study is None else point.trial,
        "epochs": point.epochs_trained,
        **(lineage or {}),
        "sha256": sha256,
        "bytes": point.size_bytes,
        "data_digest": data_digest,
        "accuracy": point.accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "cer": point.cer,
        "validation_lines": point.validation_lines or None,
        "validation_digest": None if point.right_lines is None else point.right_lines.digest,
        "test_accuracy": point.test_accuracy,
        "test_cer": point.test_cer,
        "test_lines": point.test_lines or None,
        "previous_version": previous_version,
        "recipe": json.dumps(point.recipe) if point.recipe else None,
    }
    return {name: value for name, value in known.items() if value is not None}


def facts_of_verdict(verdict: Verdict, alias: str) -> Facts:
    """What is known of a promotion: how the candidate compared with the champion, and whether the gate was overruled.

    Args:
        verdict: of the gate.
        alias: that the version gets: `champion`, also against the verdict, or `challenger`.
    """
    facts: Facts = {"gate": verdict.reason}
    if not verdict.passes and alias == CHAMPION:
        facts["forced"] = f"promoted although {verdict.reason}"
    found = verdict.comparison
    if found is not None:
        facts |= {
            "compared_version": found.version,
            "compared_on": found.origin,
            "compared_lines": found.lines,
            "compared_digest": found.digest,
            "compared_accuracy": found.accuracy,
            "compared_accuracy_low": found.accuracy_low,
            "compared_accuracy_high": found.accuracy_high,
            "champion_accuracy": found.champion_accuracy,
            "compared_p": found.p,
        }
    return facts


def as_tags(facts: Facts) -> dict[str, str]:
    """The facts as tags of a model version, which are strings."""
    return {name: f"{value:.6g}" if isinstance(value, float) else str(value) for name, value in facts.items()}


def description_of(point: FrontPoint, study: str | None, lineage: Mapping[str, Any] | None = None) -> str:
    """The description of a model version: its origin and its accuracy, in sentences. The arguments are those of `facts_of`."""
    origin = "Trained by 'paretext train'" if study is None else f"Trial {point.trial} of study '{study}'"
    begun = f", begun from {lineage['parent']}" if lineage and "parent" in lineage else ""
    sentences = [f"{origin}{begun}, {point.size_bytes:,} bytes."]
    if point.recipe:
        named = [f"{name} {value}" for name, value in point.recipe.items() if name != "preset"]
        sentences.append(f"Trained with the recipe {point.recipe['preset']}{''.join(f', {words}' for words in named)}.")
    read = _read_words(point.accuracy, point.cer, point.accuracy_interval)
    sentences.append(f"{_lines(point.validation_lines, 'validation')}: {read}.")
    if point.test_accuracy is not None:
        read = _read_words(point.test_accuracy, point.test_cer, point.test_interval)
        sentences.append(f"{_lines(point.test_lines, 'test')}, which the search has not seen: {read}.")
    if lineage and "gate" in lineage:
        words = str(lineage.get("forced", lineage["gate"]))
        sentences.append(f"{words[0].upper()}{words[1:]}.")
    return " ".join(sentences)


def _lines(count: int, kind: str) -> str:
    return f"{count:,} {kind} lines" if count else f"{kind.capitalize()} lines"


def _read_words(accuracy: float, cer: float | None, interval: tuple[float, float] | None) -> str:
    words = f"{accuracy:.1%} read without an error"
    if interval is not None:
        words += f" (95 % interval {interval[0]:.1%} to {interval[1]:.1%})"
    return words if cer is None else f"{words}, {cer:.1%} of characters wrong"
