"""After a power cut no row of the study names a model file that the disk has lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from studies.storage import study_store
from studies.storage.trial_attributes import MODEL
from studies.workspace.paths import Workspace
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import run_search, study


def test_a_model_file_is_on_the_disk_before_the_row_that_names_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed, named = set[int](), list[Path]()
    fsync, write_trial = os.fsync, study_store.write_trial

    def record_flush(descriptor: int) -> None:
        fsync(descriptor)
        flushed.add(os.fstat(descriptor).st_ino)

    def check_order(storage: Any, trial_id: int, user: dict[str, Any], system: dict[str, Any], *more: Any) -> None:
        if MODEL in system:
            named.append(workspace.folder / system[MODEL])
            assert {named[-1].stat().st_ino, named[-1].parent.stat().st_ino} <= flushed
        write_trial(storage, trial_id, user, system, *more)

    monkeypatch.setattr(os, "fsync", record_flush)
    monkeypatch.setattr(study_store, "write_trial", check_order)
    run_search(study(), workspace, None, ScriptedEngine())
    assert len(named) == 5
