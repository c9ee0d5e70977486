"""A finish goes on with what its training ended with, and one that fails costs nothing but itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from search_space import Architecture
from search_space.recognizer import build_recognizer
from testing.striped_lines import striped_dataset
from trainers.base.errors import TrainingFault
from trainers.base.progress import EpochReport
from trainers.base.recipe import Recipe
from trainers.training.job import TrainingJob
from trainers.training.loop import TrainingResult, _Training, load_result, train
from trainers.trial.finished_files import FinishedFiles

TINY = Architecture(width_percent=10, neck="none", encoder="none")
QUICK = Recipe(learning_rate=4e-3, batch_lines=8, schedule="constant")


def finished_files(job: TrainingJob, trained: TrainingResult, notes: list[str]) -> FinishedFiles:
    data: Any = job.data
    return FinishedFiles("none", 1, job, trained, data, 1, lambda report: not notes.append(report.note))


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (torch.OutOfMemoryError("tried to allocate 20 GiB"), "out of memory (OutOfMemoryError: tried to allocate 20 GiB)"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out of memory (RuntimeError: DefaultCPUAllocator: "),
        (MemoryError(), "out of memory (MemoryError"),
        (TrainingFault("nan", "loss is not finite"), "loss is not finite"),
        (RuntimeError("a mistake"), None),
    ],
)
def test_a_finish_that_fails_leaves_the_files_as_they_are(
    error: Exception, why: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr("trainers.trial.finished_files.finish", failing)
    notes: list[str] = []
    trained = TrainingResult(build_recognizer(TINY, 3).eval(), (EpochReport(1, 1, 1.0, 0.0, 1.0, 1.0),))
    files = finished_files(TrainingJob(TINY, striped_dataset(8), QUICK, 1, tmp_path, 0), trained, notes)
    if why is None:
        with pytest.raises(RuntimeError, match="a mistake"):
            files._finished(None)
    else:
        assert files._finished(None) is files._files and len(notes) == 1 and notes[0].startswith(f"no finish: {why}")


@pytest.mark.parametrize(("kind", "rate", "batch"), [("nan", 2e-3, 8), ("oom", 4e-3, 4)])
def test_a_finish_has_the_rate_and_the_batch_that_its_training_ended_with(
    kind: str, rate: float, batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = _Training._train_epoch

    def faulty(training: _Training, done: int) -> float:
        if not training.adjustments:
            raise TrainingFault("nan", "not finite") if kind == "nan" else MemoryError
        return genuine(training, done)

    seen: list[Recipe] = []
    monkeypatch.setattr(_Training, "_train_epoch", faulty)
    monkeypatch.setattr("trainers.trial.finished_files.finish", lambda network, job, *_: seen.append(job.recipe) or network)
    job = TrainingJob(TINY, striped_dataset(8), QUICK, 1, tmp_path, 0)
    trained = train(job, lambda _: True)
    assert isinstance(trained, TrainingResult)
    for result in (trained, load_result(job)):
        finished_files(job, result, [])._finished(None)
    assert [(recipe.learning_rate, recipe.batch_lines, recipe.finish_epochs) for recipe in seen] == [(rate, batch, 1)] * 2
