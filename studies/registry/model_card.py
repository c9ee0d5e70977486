"""What a registered model says of itself: tags of its version, metadata in its `MLmodel` file, and a description.

The ONNX file is registered byte for byte. Its own metadata say how it was made and nothing of what it reads, since they are
written before it is measured: a score added afterwards would change the size and the hash of the file that was measured. The
scores of validation and test lines are therefore metadata of the registered model, which also travel with its folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from studies.storage.front_point import FrontPoint

Facts = dict[str, str | int | float]
"""Name of a fact to its value."""


def facts_of(
    point: FrontPoint, study: str | None, sha256: str, previous_version: int | None, lineage: Mapping[str, Any] | None = None
) -> Facts:
    """What is known of a candidate that is promoted; what is not known is left out.

    Args:
        point: the candidate.
        study: name of the study that it comes from; None if it was trained by `paretext train`.
        sha256: hash of its file, as hexadecimal digits.
        previous_version: number of the previous champion; None if there was none.
        lineage: what its network inherited (`trainers.base.lineage.Lineage.scalars`); empty or None with random weights.
    """
    known: dict[str, str | int | float | None] = {
        "study": study,
        "trial": None if study is None else point.trial,
        "epochs": point.epochs_trained,
        **(lineage or {}),
        "sha256": sha256,
        "bytes": point.size_bytes,
        "accuracy": point.accuracy,
        "cer": point.cer,
        "validation_lines": point.validation_lines or None,
        "test_accuracy": point.test_accuracy,
        "test_cer": point.test_cer,
        "test_lines": point.test_lines or None,
        "previous_version": previous_version,
        "recipe": json.dumps(point.recipe) if point.recipe else None,
    }
    return {name: value for name, value in known.items() if value is not None}


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
    return " ".join(sentences)


def _lines(count: int, kind: str) -> str:
    return f"{count:,} {kind} lines" if count else f"{kind.capitalize()} lines"


def _read_words(accuracy: float, cer: float | None, interval: tuple[float, float] | None) -> str:
    words = f"{accuracy:.1%} read without an error"
    if interval is not None:
        words += f" (95 % interval {interval[0]:.1%} to {interval[1]:.1%})"
    return words if cer is None else f"{words}, {cer:.1%} of characters wrong"
