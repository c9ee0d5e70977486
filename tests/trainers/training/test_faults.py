"""A fault of a training is answered once, from its last checkpoint, and then fails it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from search_space import Architecture
from search_space.recognizer import Recognizer
from testing.striped_lines import striped_dataset
from trainers.base.errors import TrainingFault, UnfitArchitecture
from trainers.base.progress import EpochReport
from trainers.base.recipe import Recipe
from trainers.training.checkpoint import CHECKPOINT_NAME
from trainers.training.job import TrainingJob
from trainers.training.learner import Learner
from trainers.training.loop import TrainingResult, _Training, train

TINY = Architecture(width_percent=25, encoder_hidden=16, encoder_layers=1)
QUICK = Recipe(learning_rate=4e-3, warmup_epochs=1, batch_lines=8, clip_norm=5, augmentation=0.1, decoupled_decay=True)


def onward(_: EpochReport) -> bool:
    return True


def spoil(monkeypatch: pytest.MonkeyPatch, times: int, how: str) -> None:
    """Makes the next `times` losses not finite, or their computation run out of memory."""
    genuine, left = Recognizer.loss_parts, [times]

    def loss_parts(self: Recognizer, *args: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
        of_head, of_auxiliary = genuine(self, *args)
        if left[0]:
            left[0] -= 1
            if how == "memory limit":  # torch has no exception of its own for the memory of a CPU
                torch.empty(1 << 60, dtype=torch.uint8)
            if how == "oom":
                raise torch.OutOfMemoryError("tried to allocate 20 GiB")
            return of_head * float("nan"), of_auxiliary
        return of_head, of_auxiliary

    monkeypatch.setattr(Recognizer, "loss_parts", loss_parts)


@pytest.mark.parametrize("how", ["nan", "oom", "memory limit"])
def test_a_fault_is_answered_once_from_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    prepared, reports = striped_dataset(20), []
    train(TrainingJob(TINY, prepared, QUICK, 3, tmp_path, 0), onward, until_epoch=1)
    spoil(monkeypatch, 1, how)
    outcome = train(TrainingJob(TINY, prepared, QUICK, 3, tmp_path, 0), lambda r: not reports.append(r))
    assert isinstance(outcome, TrainingResult)
    assert [r.epoch for r in reports] == [2, 3]
    assert all(np.isfinite(r.loss) for r in reports)


@pytest.mark.parametrize(("kind", "eased"), [("nan", (2e-3, 8)), ("oom", (4e-3, 4))])
@pytest.mark.parametrize("checkpoint", [0, 1])
def test_the_retry_differs_from_the_first_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, eased: tuple[float, int], checkpoint: int
) -> None:
    """Also where a checkpoint without a fault is there, and also after a later resumption from one with a fault."""
    genuine, tries = _Training._train_epoch, list[tuple[int, float, int]]()

    def faulty(training: _Training, done: int) -> float:
        tries.append((done + 1, training.recipe.learning_rate, training.recipe.batch_lines))
        if done == checkpoint and not training.adjustments:
            raise TrainingFault("nan", "not finite") if kind == "nan" else torch.OutOfMemoryError("20 GiB")
        return genuine(training, done)

    monkeypatch.setattr(_Training, "_train_epoch", faulty)
    job = TrainingJob(TINY, striped_dataset(20), QUICK, 3, tmp_path, 0)
    train(job, onward, until_epoch=2)
    assert isinstance(train(job, onward), TrainingResult)
    whole, before = [(epoch, 4e-3, 8) for epoch in range(1, checkpoint + 2)], range(checkpoint + 1, 4)
    assert tries == whole + [(epoch, *eased) for epoch in before]


def test_a_damaged_checkpoint_is_not_trained_on_and_that_is_said(tmp_path: Path) -> None:
    prepared, reports = striped_dataset(20), []
    job = TrainingJob(TINY, prepared, QUICK, 3, tmp_path, 0)
    train(job, onward, until_epoch=2)
    path = tmp_path / CHECKPOINT_NAME
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    train(job, lambda r: not reports.append(r))
    assert [r.epoch for r in reports] == [1, 2, 3]
    assert "is damaged" in reports[0].note and "from its beginning" in reports[0].note
    assert [r.note for r in reports[1:]] == ["", ""]
    again: list[EpochReport] = []
    train(job, lambda r: not again.append(r), on_resume=lambda r: not again.append(r))
    assert [(r.epoch, r.note) for r in again] == [(3, "")], "the note is not kept in the checkpoint"


@pytest.mark.parametrize("how", ["nan", "oom", "memory limit"])
def test_a_fault_that_comes_again_fails_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    spoil(monkeypatch, 10**6, how)
    with pytest.raises(TrainingFault) as caught:
        train(TrainingJob(TINY, striped_dataset(20), QUICK, 3, tmp_path, 0), onward)
    assert caught.value.kind == ("nan" if how == "nan" else "oom")
    assert "\n" not in caught.value.reason
    assert ("learning rate 0.002" if how == "nan" else "with 4 lines a batch") in caught.value.reason, "those of the second try"


@pytest.mark.parametrize("epochs", [1, 3])
def test_weights_that_the_last_step_broke_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epochs: int) -> None:
    """The loss is that of before the step: only the weights show it."""
    prepared, genuine, left = striped_dataset(20), Learner.step, [len(striped_dataset(20).training) // 8 + 1]

    def step(self: Learner, loss: torch.Tensor, rate: float) -> None:
        left[0] -= 1
        broken = next(self.recognizer.parameters()).sum() * 0
        genuine(self, loss if left[0] else loss + broken.sqrt(), rate)  # the gradient of a root at 0 is infinite

    monkeypatch.setattr(Learner, "step", step)
    outcome = train(TrainingJob(TINY, prepared, QUICK, epochs, tmp_path, 0), onward)
    assert isinstance(outcome, TrainingResult) and outcome.adjustments == {"learning_rate": 2e-3} and left[0] < 0
    assert all(torch.isfinite(value).all() for value in outcome.recognizer.state_dict().values())


def test_a_cut_that_is_not_possible_is_refused_before_the_first_epoch(tmp_path: Path) -> None:
    """The head holds the last stage, whatever the weights."""
    fields = {"backbone": "lcnet", "encoder": "none", "head": "attention", "head_rank": 8}
    architecture = Architecture(**fields, width_percent=25, prune_percent=90, prune_criterion="l1")  # type: ignore[arg-type]
    reports: list[EpochReport] = []
    with pytest.raises(UnfitArchitecture, match="pruning 90 % of the backbone's work is not possible"):
        train(TrainingJob(architecture, striped_dataset(20), QUICK, 3, tmp_path, 0), lambda r: not reports.append(r))
    assert not reports
