"""Names the artifacts of a trial in Optuna: what `paretext dashboard` offers on the trial's page as pictures and files.

Decisions:
- A closed trial takes no attributes, so its artifacts are named when it is closed. A search writes no more than the names: a
  picture is drawn when someone looks at it first, and the ONNX file is read where it is, so that nothing is copied.
- IDs are computed from the study and the configuration, so that writing a trial once more names the same artifacts.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from uuid import NAMESPACE_URL, uuid5

from optuna.artifacts import ArtifactMeta

from studies.storage.outcomes import CheckpointOf, Measured, PrecisionVariantOf
from studies.storage.stored_trial import StoredTrial

CURVES = "learning-curves.png"
"""File name of the learning curves of a training."""
ERRORS, ERRORS_BEFORE = "errors.png", "mistakes.png"
"""File name of the sheet of lines that a file misreads, now and in studies of earlier versions."""
PREFIX = "artifacts:"
"""How Optuna's `upload_artifact` begins the key of a system attribute that describes an artifact."""


def artifacts_of(study: str, trial: StoredTrial) -> dict[str, str]:
    """System attributes that name the artifacts of a trial; empty for one that never trained.

    Args:
        study: name of its study.
        trial: with its outcome.
    """
    outcome = trial.outcome
    names, epochs = [CURVES] if trial.epochs_trained else [], trial.epochs_trained or None
    if isinstance(outcome, Measured | PrecisionVariantOf | CheckpointOf):
        epochs = outcome.epochs
        names += [] if outcome.measurement.accuracy == 1 else [ERRORS]
        names += [outcome.model.name]
    described = {}
    for name in names:
        number = str(uuid5(NAMESPACE_URL, f"paretext:{study}/{trial.digest}/{outcome.name}/{epochs}/{name}"))
        mime_type = "image/png" if name.endswith(".png") else "application/octet-stream"
        described[f"{PREFIX}{number}"] = json.dumps(asdict(ArtifactMeta(number, name, mime_type, None)))
    return described
