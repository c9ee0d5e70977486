"""Trainings that may end after any epoch: what depends on the number of epochs nevertheless, and on how many were planned."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from search_space import Architecture
from search_space.recognizer import Recognizer
from testing.striped_lines import InMemoryDataset, striped_lines
from trainers.base.progress import EpochReport, Paused
from trainers.base.recipe import Recipe
from trainers.batching.line_selection import warmup_epochs
from trainers.pruning.mask import PrunedChannels, cut_away
from trainers.pruning.phases import CUT_AFTER_EPOCHS, SECOND_RATE
from trainers.pruning.torch_pruning_adapter import PruningGraph
from trainers.training.job import TrainingJob
from trainers.training.learner import Learner
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


PRUNED = TINY.with_(prune_percent=20, prune_criterion="l1")
ONE_STEP = OPEN.with_(min_epoch_lines=0, max_epoch_lines=0, batch_lines=8)
"""Each epoch of eight lines of one width is one step."""
CUT = "cut"


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[float | str]:
    """The learning rate of each step, and where the cut is made."""
    seen: list[float | str] = []
    step, prune = Learner.step, Learner.prune

    def watched_step(learner: Learner, loss: Tensor, learning_rate: float) -> None:
        seen.append(learning_rate)
        step(learner, loss, learning_rate)

    def watched_prune(learner: Learner, sample: object) -> None:
        seen.append(CUT)
        prune(learner, sample)  # type: ignore[arg-type]

    def small_cut(network: Recognizer, *_: object) -> PrunedChannels:
        """Two channels of one layer: when they are cut matters here, and not which ones are."""
        return cut_away(network, {PruningGraph(network).groups()[0].name: 2}, "l1")

    monkeypatch.setattr("trainers.pruning.prune.prune", small_cut)
    monkeypatch.setattr(Learner, "step", watched_step)
    monkeypatch.setattr(Learner, "prune", watched_prune)
    return seen


def pruned(folder: Path, epochs: int) -> TrainingJob:
    data = InMemoryDataset(striped_lines(8, 0, letters=(2, 2)), striped_lines(3, 1))
    return TrainingJob(PRUNED, data, ONE_STEP, epochs, folder, 0)


def rates(count: int) -> list[float]:
    return [ONE_STEP.learning_rate_at(epoch, count) for epoch in range(count)]


def test_a_cut_that_was_made_stays_where_it_was_made(tmp_path: Path, steps: list[float | str]) -> None:
    assert isinstance(train(pruned(tmp_path / "a", 4), onward), TrainingResult)
    whole = train(pruned(tmp_path / "a", 10), onward)
    after = [SECOND_RATE * rate for rate in rates(8)]
    assert steps == [*rates(2), CUT, *after] and CUT_AFTER_EPOCHS > 2
    assert isinstance(train(pruned(tmp_path / "b", 4), onward, until_epoch=3), Paused)
    assert isinstance(train(pruned(tmp_path / "b", 10), onward, until_epoch=6), Paused)
    assert same(whole, train(pruned(tmp_path / "b", 10), onward)), "paused elsewhere, it ends with the same weights"


def test_a_cut_that_was_not_made_is_made_where_the_longer_training_makes_it(tmp_path: Path, steps: list[float | str]) -> None:
    whole = train(pruned(tmp_path / "whole", 10), onward)
    made = steps.copy()
    assert made.index(CUT) == CUT_AFTER_EPOCHS
    steps.clear()
    assert isinstance(train(pruned(tmp_path / "parts", 4), onward, until_epoch=2), Paused)
    assert same(whole, train(pruned(tmp_path / "parts", 10), onward)) and steps == made


def test_a_training_that_is_to_end_earlier_is_cut_at_once(tmp_path: Path, steps: list[float | str]) -> None:
    assert isinstance(train(pruned(tmp_path, 10), onward, until_epoch=3), Paused)
    assert isinstance(train(pruned(tmp_path, 4), onward), TrainingResult)
    assert steps == [*rates(3), CUT, SECOND_RATE * rates(1)[0]]
