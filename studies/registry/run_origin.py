"""Where a run comes from, in MLflow's own terms: program, user, git commit and data set."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.registry.run_records import COMMIT_TAG, USER_TAG
from trainers.base.redaction import redact

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

PROGRAM = {"mlflow.source.name": "paretext search", "mlflow.source.type": "LOCAL"}
"""Tags that MLflow shows as the source of a run."""
LONGEST_DIGEST = 36
"""Characters of a data set's digest that MLflow's database takes."""


def origin_tags() -> dict[str, str]:
    """Tags for a run that this process starts now: program, user, and the commit of the current folder if git has one."""
    from mlflow.utils.git_utils import get_git_commit

    tags = dict(PROGRAM)
    try:
        tags[USER_TAG] = getpass.getuser()
    except (OSError, KeyError):  # a container may have a user without a name
        tags[USER_TAG] = str(os.getuid())
    commit = get_git_commit(str(Path.cwd()))
    return tags if commit is None else tags | {COMMIT_TAG: commit}


def dataset_inputs(params: Mapping[str, Any], identity: Mapping[str, Any], height_px: object = None) -> list[DatasetInput]:
    """The lines of a study as data sets of MLflow, one for each input height.

    Args:
        params: the flat settings of the study; `data.source` names the lines.
        identity: as `StudyStore.data_identity` returns it.
        height_px: only the lines of this height; None: of all.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = redact(str(params.get("data.source", "")))
    is_path = Path(source).is_absolute()
    name = Path(source).name if is_path else source
    found = []
    for height, lines in identity.items():
        if height_px is None or str(height_px) == height:
            counts = {f"{part}_lines": lines[part] for part in ("training", "validation") if part in lines}
            profile = json.dumps(counts | {"height_px": int(height), "characters": lines.get("symbols")})
            digest, where = str(lines["digest"])[:LONGEST_DIGEST], json.dumps({"uri": source})
            dataset = Dataset(name or "lines", digest, "local" if is_path else "paretext", where, profile=profile)
            found.append(DatasetInput(dataset, [InputTag("mlflow.data.context", "training")]))
    return found
