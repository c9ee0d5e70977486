"""A model that `paretext train` has made, as something that can be promoted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.storage.front_point import FrontPoint
from trainers.base.candidate import Candidate
from trainers.base.errors import UserError
from trainers.base.recipe import Recipe
from trainers.base.recipe_text import in_short
from trainers.trial.run import CANDIDATE_NAME
from trainers.trial.training_record import record_beside

if TYPE_CHECKING:
    from trainers.data.spec import DataSpec


def is_training(name: str) -> bool:
    """Whether a text names the folder of a training and not a study."""
    return (Path(name).expanduser() / CANDIDATE_NAME).is_file() or "/" in name


def training_point(folder: Path) -> FrontPoint:
    """The model in the folder of a finished training; as it is of no study, the number of its trial is 0.

    Raises:
        UserError: there is no such folder, or its training has not finished.
    """
    try:
        stored = json.loads((folder / CANDIDATE_NAME).read_text(encoding="utf-8"))
        candidate = Candidate.from_dict(stored["candidate"]).in_folder(folder.resolve())
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{folder} is neither a study nor the folder of a finished training: it has no {CANDIDATE_NAME}; 'paretext train' "
            f"writes it when a training ends"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / CANDIDATE_NAME} cannot be read ({error}); run the same 'paretext train' again") from None
    measured = candidate.measurement
    if not measured.reads:
        raise UserError(f"the model in {folder} does not read: {measured.cer:.1%} of characters are wrong; train it for longer")
    return FrontPoint.of(
        0, measured, candidate.architecture.as_dict(), candidate.model, **_course(candidate.model, measured.sha256)
    )


def _course(model: Path, sha256: str | None) -> dict[str, Any]:
    """How a model was trained, as far as the record beside it says so."""
    record = record_beside(model, sha256)
    if record is None:
        return {}
    recipe = in_short(Recipe.from_dict(record.job["recipe"]))
    return {"epochs_trained": record.epochs_trained, "epochs": int(record.job["epochs"]), "recipe": recipe}


def training_data(folder: Path) -> DataSpec | None:
    """The lines that a finished training has learnt from and was measured on; None if its folder does not say."""
    from trainers.data.spec import DataSpec

    stored = json.loads((folder / CANDIDATE_NAME).read_text(encoding="utf-8"))
    return DataSpec.from_dict(stored["data"]) if "data" in stored else None
