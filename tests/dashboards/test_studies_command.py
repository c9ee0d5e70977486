"""The list of studies, and what renaming and deleting one does."""

from __future__ import annotations

import json

from studies.workspace.paths import Workspace
from tests.dashboards.conftest import Paretext


def test_the_list_has_every_study_with_its_best_candidate(paretext: Paretext, workspace: Workspace) -> None:
    plates, empty = json.loads(paretext("studies", "--json").out)
    assert (plates["name"], plates["state"], plates["trials"], plates["wanted_trials"]) == ("plates", "stopped", 4, 24)
    assert (plates["best_trial"], plates["best_accuracy"]) == (3, 0.9)
    assert plates["files_bytes"] == sum(file.stat().st_size for file in (workspace.models / "plates").iterdir())
    assert (empty["name"], empty["state"], empty["best_trial"], empty["changed"]) == ("empty", "not started", None, None)
    lines = paretext("studies").out.splitlines()
    assert lines[1].split()[:5] == ["plates", "stopped", "4", "of", "24"] and lines[2].split()[:3] == [
        "empty",
        "not",
        "started",
    ]
