"""Says when a model is tested on lines that it has learnt from: what it reads of them says little about other lines.

Sources are compared, not single lines, so that nothing has to be decoded: those that the study of the model, or its training,
names. A model of which neither is in the workspace is not known to have learnt from anything.
"""

from __future__ import annotations

from pathlib import Path

from studies.registry.model_lookup import FoundModel
from studies.registry.training_point import training_data
from studies.storage.pareto_front import load_store
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.data.source_registry import absolute_sources, split_sources
from trainers.data.spec import DataSpec
from trainers.trial.run import CANDIDATE_NAME

HEIGHT_PX = 32
"""Input height of a specification of lines whose sources alone are asked for."""


def learnt_sources(model: FoundModel, source: str, seed: int, workspace: Workspace) -> list[str]:
    """Which of some sources the model has been trained on.

    Args:
        model: that is tested.
        source: of the lines that it is tested on; one, or several joined by `;`.
        seed: of generated lines; with another seed they are others.
        workspace: holds the studies.
    """
    data = _data_of(model, workspace)
    if data is None:
        return []
    learnt = split_sources(absolute_sources(data.training))
    tested = split_sources(absolute_sources(source))
    return [each for each in tested if each in learnt and (seed == data.seed or Path(each).exists())]


def _data_of(model: FoundModel, workspace: Workspace) -> DataSpec | None:
    """The lines that a model was trained on; None if that is not known here."""
    study = model.study
    try:
        if study is None and (model.file.parent / CANDIDATE_NAME).is_file():
            return training_data(model.file.parent)
        if study is None and model.file.resolve().is_relative_to(workspace.models.resolve()):
            study = model.file.resolve().relative_to(workspace.models.resolve()).parts[0]
        if study is None:
            return None
        stored = load_store(workspace, study).study
    except (UserError, OSError, ValueError):  # deleted since, or it needs something that is not installed here
        return None
    return stored.data.spec(HEIGHT_PX, stored.search.seed)
