"""Trainings that may end after any epoch: what depends on the number of epochs nevertheless, and on how many were planned."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from search_space import Architecture
from testing.striped_lines import InMemoryDataset, striped_lines
from trainers.base.progress import EpochReport, Paused
from trainers.base.recipe import Recipe
from trainers.batching.line_selection import warmup_epochs
from trainers.training.job import TrainingJob
from trainers.training.loop import TrainingResult, _Training, train

TINY = Architecture(width_percent=10, neck="none", encoder="none")
OPEN = Recipe(learning_rate=4e-3, warmup_epochs=0.5, batch_lines=4, schedule="constant", min_epoch_lines=20, max_epoch_lines=40)


def onward(_: EpochReport) -> bool:
    return True


def same(a: TrainingResult | Paused, b: TrainingResult | Paused) -> bool:
    assert isinstance(a, TrainingResult) and isinstance(b, TrainingResult)
    weights = [list(result.recognizer.state_dict().values()) for result in (a, b)]
    return all(torch.equal(x, y) for x, y in zip(*weights, strict=True))


def warmed_up(own: int, drawn: int) -> InMemoryDataset:
    lines = striped_lines(own, 0, letters=(1, 1))
    return InMemoryDataset(lines, striped_lines(3, 1), warmup=striped_lines(drawn, 2, letters=(3, 3)))


@pytest.mark.parametrize(("own", "drawn"), [(10, 100), (100, 10)])
def test_a_warm_up_is_the_first_epoch_and_as_long_as_its_lines_ask_for(
    own: int, drawn: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[list[int]] = []
    genuine = _Training._train_epoch

    def step(_: _Training, batch: object, *__: object) -> Tensor:
        shown[-1] += batch.lengths.tolist()  # type: ignore[attr-defined]
        return torch.zeros(())

    monkeypatch.setattr(_Training, "_step", step)
    monkeypatch.setattr(_Training, "_train_epoch", lambda training, done: shown.append([]) or genuine(training, done))
    train(TrainingJob(TINY, warmed_up(own, drawn), OPEN, 3, tmp_path, 0), onward)
    assert [set(lengths) for lengths in shown] == [{3}, {1}, {1}], "drawn labels have three letters, the others one"
    assert all(20 <= len(lengths) <= 40 for lengths in shown)


def test_a_warm_up_is_never_the_last_epoch_nor_more_than_a_fifth_of_five_and_more() -> None:
    assert [warmup_epochs(epochs, is_anytime=True) for epochs in (1, 2, 5, 40)] == [0, 1, 1, 1]


def test_a_training_that_is_paused_in_its_warm_up_ends_with_the_same_weights(tmp_path: Path) -> None:
    jobs = [TrainingJob(TINY, warmed_up(10, 100), OPEN, 3, tmp_path / name, 0) for name in ("whole", "parts")]
    whole = train(jobs[0], onward)
    for until in (1, 2):
        assert isinstance(train(jobs[1], onward, until), Paused)
    assert same(whole, train(jobs[1], onward))
