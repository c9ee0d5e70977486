"""Laws of the loop: it learns, pauses, resumes to the same bits, and answers faults once."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from search_space import Architecture
from search_space.counting import flops
from search_space.recognizer import Recognizer, build_recognizer
from testing.striped_lines import InMemoryDataset, InMemoryLines, striped_dataset, striped_lines
from trainers.base.errors import UserError
from trainers.base.progress import EpochReport, Paused
from trainers.base.recipe import Recipe, find_recipe
from trainers.batching.line_selection import warmup_epochs
from trainers.pruning.phases import CUT_AFTER_EPOCHS, Phases
from trainers.training.job import TrainingJob
from trainers.training.learner import Learner
from trainers.training.loop import TrainingResult, train

TINY = Architecture(width_percent=25, encoder_hidden=16, encoder_layers=1)
QUICK = Recipe(learning_rate=4e-3, warmup_epochs=1, batch_lines=8, clip_norm=5, augmentation=0.1, decoupled_decay=True)


def onward(_: EpochReport) -> bool:
    return True


def weights_of(outcome: TrainingResult | Paused) -> list[torch.Tensor]:
    assert isinstance(outcome, TrainingResult)
    return list(outcome.recognizer.state_dict().values())


def equal(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_it_learns_to_read(tmp_path: Path) -> None:
    outcome = train(TrainingJob(TINY, striped_dataset(120), QUICK, 8, tmp_path, 0), onward)
    assert isinstance(outcome, TrainingResult)
    assert outcome.history[-1].accuracy >= 0.9
    assert outcome.history[-1].loss < outcome.history[0].loss
    assert [report.epoch for report in outcome.history] == list(range(1, 9))
    assert not outcome.recognizer.training


@pytest.mark.parametrize("recipe", [QUICK, QUICK.with_(ema_decay=0.9, join_share=0.3, decoupled_decay=False)])
def test_a_paused_and_resumed_training_ends_with_the_same_weights(tmp_path: Path, recipe: Recipe) -> None:
    prepared = striped_dataset(40)
    whole = train(TrainingJob(TINY, prepared, recipe, 3, tmp_path / "whole", 5), onward)
    rest = train(TrainingJob(TINY, prepared, recipe, 3, tmp_path / "parts", 5), onward, until_epoch=1)
    assert isinstance(rest, Paused) and rest.epoch == 1 and not rest.stopped
    torch.randn(7)  # what the process did in between does not matter
    stopped = train(TrainingJob(TINY, prepared, recipe, 3, tmp_path / "parts", 5), lambda _: False)
    assert isinstance(stopped, Paused) and stopped.epoch == 2 and stopped.stopped
    resumed = train(TrainingJob(TINY, prepared, recipe, 3, tmp_path / "parts", 5), onward)
    assert equal(weights_of(whole), weights_of(resumed))


def test_a_training_killed_within_an_epoch_ends_with_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It dies in the second epoch, after a batch of it has changed the weights."""

    class Killed(BaseException):
        pass

    prepared = striped_dataset(40)
    losses, batches = Recognizer.loss_parts, 0

    def counting(self: Recognizer, *arguments: Any) -> Any:
        nonlocal batches
        batches += 1
        return losses(self, *arguments)

    monkeypatch.setattr(Recognizer, "loss_parts", counting)
    whole = train(TrainingJob(TINY, prepared, QUICK, 3, tmp_path / "whole", 5), onward)
    in_an_epoch, reports = batches // 3, []
    assert in_an_epoch >= 2

    def dying(self: Recognizer, *arguments: Any) -> Any:
        if batches == in_an_epoch + 1:
            raise Killed
        return counting(self, *arguments)

    def report(epoch: EpochReport) -> bool:
        reports.append(epoch.epoch)
        return True

    batches = 0
    monkeypatch.setattr(Recognizer, "loss_parts", dying)
    with pytest.raises(Killed):
        train(TrainingJob(TINY, prepared, QUICK, 3, tmp_path / "killed", 5), report)
    assert reports == [1], "it died within the second epoch"
    monkeypatch.setattr(Recognizer, "loss_parts", losses)
    assert equal(weights_of(whole), weights_of(train(TrainingJob(TINY, prepared, QUICK, 3, tmp_path / "killed", 5), onward)))


def test_even_contrast_goes_with_the_network(tmp_path: Path) -> None:
    outcome = train(TrainingJob(TINY, striped_dataset(24), QUICK.with_(even_contrast=True), 1, tmp_path, 0), onward)
    assert isinstance(outcome, TrainingResult) and outcome.recognizer.contrast == "even"


def test_warm_up_lines_are_shown_first_and_then_no_more(tmp_path: Path) -> None:
    """With none but blank warm-up lines the first epochs teach nothing of the letters; the others do, and resume to the bit."""
    plain = striped_dataset(40)
    blank = InMemoryLines([np.full_like(image, 230) for image in plain.training.images], plain.training.texts)
    prepared = dataclasses.replace(plain, warmup=blank)
    assert [warmup_epochs(n, is_anytime=False) for n in (1, 2, 5, 40)] == [0, 1, 1, 8]
    outcomes = [
        train(TrainingJob(TINY, which, QUICK, 5, tmp_path / str(n), 0), onward) for n, which in enumerate((plain, prepared))
    ]
    assert not equal(weights_of(outcomes[0]), weights_of(outcomes[1]))
    first = train(TrainingJob(TINY, prepared, QUICK, 5, tmp_path / "parts", 0), onward, until_epoch=1)
    assert isinstance(first, Paused)
    assert equal(
        weights_of(outcomes[1]), weights_of(train(TrainingJob(TINY, prepared, QUICK, 5, tmp_path / "parts", 0), onward))
    )
    whole = train(TrainingJob(TINY, dataclasses.replace(plain, warmup=plain.training), QUICK, 5, tmp_path / "same", 0), onward)
    assert equal(weights_of(outcomes[0]), weights_of(whole)), "warm-up lines equal to the training lines change nothing"


@pytest.mark.slow
@pytest.mark.usefixtures("quick_search_of_channels")
def test_a_pruned_training_killed_before_or_after_its_cut_ends_with_the_same_weights(tmp_path: Path) -> None:
    """After its first epoch, and after its third, which is the first of the network that was cut."""

    class Killed(BaseException):
        pass

    def die(report: EpochReport) -> bool:
        if report.epoch in moments:
            moments.remove(report.epoch)
            raise Killed
        return True

    moments = [1, 3]
    architecture = TINY.with_(prune_percent=50, prune_criterion="eagleeye")
    prepared = striped_dataset(24)
    whole = train(TrainingJob(architecture, prepared, QUICK, 4, tmp_path / "whole", 5), onward)
    for _ in (1, 3):
        with pytest.raises(Killed):
            train(TrainingJob(architecture, prepared, QUICK, 4, tmp_path / "killed", 5), die)
    assert equal(
        weights_of(whole), weights_of(train(TrainingJob(architecture, prepared, QUICK, 4, tmp_path / "killed", 5), onward))
    )
    assert isinstance(whole, TrainingResult)
    left, before = (flops(network, 32, 320).backbone for network in (whole.recognizer, build_recognizer(architecture, 3)))
    assert 0.4 * before < left <= 0.5 * before


def test_phases_have_a_curve_each() -> None:
    whole, pruned = Phases.of(QUICK, 8, 0), Phases.of(QUICK, 8, 50)
    assert [whole.rate(QUICK, e) for e in range(8)] == [QUICK.learning_rate_at(e, 8) for e in range(8)]
    first, second = [[pruned.rate(QUICK, e / 10) for e in range(at, at + 40)] for at in (0, 40)]
    assert second == pytest.approx([rate / 2 for rate in first]) and max(first) == QUICK.learning_rate
    assert Phases.of(QUICK, 1, 50).cut_after == 1


def test_a_training_of_open_length_is_cut_after_a_fixed_number_of_epochs() -> None:
    recipe = find_recipe("anytime")
    assert [Phases.of(recipe, epochs, 50).cut_after for epochs in (1, 4, 20, 40, 80)] == [
        1, 2, CUT_AFTER_EPOCHS, CUT_AFTER_EPOCHS, CUT_AFTER_EPOCHS
    ]  # fmt: skip
    short, long = Phases.of(recipe, 20, 50), Phases.of(recipe, 80, 50)
    assert [short.rate(recipe, e / 4) for e in range(80)] == [long.rate(recipe, e / 4) for e in range(80)]
    at = CUT_AFTER_EPOCHS
    assert not short.is_cut_due(at - 1) and short.is_cut_due(at) and not short.is_comparable(at) and short.is_comparable(at + 1)
    whole = Phases.of(recipe, 20, 0)
    assert whole.is_comparable(1) and not whole.is_cut_due(20)


def test_a_pruned_training_of_open_length_may_be_continued_beyond_its_end(tmp_path: Path) -> None:
    anytime, pruned = QUICK.with_(schedule="constant"), TINY.with_(prune_percent=50, prune_criterion="l1")
    jobs = [TrainingJob(pruned, striped_dataset(20), anytime, epochs, tmp_path, 0) for epochs in (10, 40)]
    assert jobs[0].identity == jobs[1].identity
    of_cosine = [dataclasses.replace(job, recipe=QUICK).identity for job in jobs]
    assert of_cosine[0] != of_cosine[1]


@pytest.mark.usefixtures("quick_search_of_channels")
@pytest.mark.parametrize("criterion", ["l1", "eagleeye"])
def test_a_cut_is_chosen_without_the_validation_lines(tmp_path: Path, criterion: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = striped_dataset(24)
    under_way: list[bool] = []
    read: list[int] = []
    image, prune = type(data.validation).image, Learner.prune

    def watched_image(lines: Any, i: int) -> Any:
        if under_way and lines is data.validation:
            read.append(i)
        return image(lines, i)

    def watched_prune(learner: Learner, sample: Any) -> None:
        under_way.append(True)
        prune(learner, sample)
        under_way.clear()

    monkeypatch.setattr(type(data.validation), "image", watched_image)
    monkeypatch.setattr(Learner, "prune", watched_prune)
    job = TrainingJob(TINY.with_(prune_percent=50, prune_criterion=criterion), data, QUICK, 1, tmp_path, 0)
    assert isinstance(train(job, onward), TrainingResult) and not read


@pytest.mark.slow
@pytest.mark.usefixtures("quick_search_of_channels")
def test_an_auxiliary_ends_with_the_cut(tmp_path: Path) -> None:
    changes = {"neck": "fpn_a", "auxiliary": "super_resolution", "prune_percent": 40, "prune_criterion": "eagleeye"}
    architecture, prepared = TINY.with_(**changes), striped_dataset(24)
    rest = train(TrainingJob(architecture, prepared, QUICK, 3, tmp_path, 0), onward, until_epoch=2)
    assert isinstance(rest, Paused), "cut after the first epoch"
    outcome = train(TrainingJob(architecture, prepared, QUICK, 3, tmp_path, 0), onward)
    assert isinstance(outcome, TrainingResult) and outcome.recognizer.auxiliary is None


@pytest.mark.slow
@pytest.mark.usefixtures("quick_search_of_channels")
def test_a_training_of_one_epoch_is_cut_at_its_end(tmp_path: Path) -> None:
    architecture = TINY.with_(prune_percent=50, prune_criterion="l2")
    outcome = train(TrainingJob(architecture, striped_dataset(24), QUICK, 1, tmp_path, 0), onward)
    assert isinstance(outcome, TrainingResult)
    assert flops(outcome.recognizer, 32, 320).backbone <= 0.5 * flops(build_recognizer(architecture, 3), 32, 320).backbone


def test_a_finished_rung_is_not_trained_again(tmp_path: Path) -> None:
    prepared, seen = striped_dataset(20), []
    for _ in range(2):
        outcome = train(TrainingJob(TINY, prepared, QUICK, 4, tmp_path, 0), lambda r: not seen.append(r), until_epoch=1)
        assert isinstance(outcome, Paused) and outcome.epoch == 1
    assert len(seen) == 1


def test_a_checkpoint_of_another_training_is_not_taken_over(tmp_path: Path) -> None:
    prepared = striped_dataset(20)
    train(TrainingJob(TINY, prepared, QUICK, 2, tmp_path, 0), onward, until_epoch=1)
    for other in (
        (TINY.with_(encoder_hidden=24), prepared, QUICK, 2, 0),
        (TINY, InMemoryDataset(prepared.training, prepared.validation, digest="other"), QUICK, 2, 0),
        (TINY, prepared, QUICK.with_(augmentation=0.2), 2, 0),
        (TINY, prepared, QUICK, 3, 0),
        (TINY, prepared, QUICK, 2, 1),
    ):
        reports: list[EpochReport] = []
        train(TrainingJob(*other[:4], tmp_path, other[4]), lambda r, kept=reports: not kept.append(r), until_epoch=1)
        assert [r.epoch for r in reports] == [1]


def test_the_callers_random_numbers_are_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    train(TrainingJob(TINY, striped_dataset(16), QUICK, 1, tmp_path, 0), onward)
    assert torch.equal(torch.rand(4), expected)


def test_lines_without_enough_time_steps_are_left_out(tmp_path: Path) -> None:
    good = striped_lines(20, 0)
    crowded = InMemoryLines([*good.images, good.images[0][:, :20]], [*good.texts, "abcabcabcabcabcabc"])
    outcome = train(TrainingJob(TINY, InMemoryDataset(crowded, good), QUICK, 1, tmp_path / "a", 0), onward)
    assert isinstance(outcome, TrainingResult) and np.isfinite(outcome.history[0].loss)
    with pytest.raises(UserError, match="no training line fits"):
        only = InMemoryLines(crowded.images[-1:], crowded.texts[-1:])
        train(TrainingJob(TINY, InMemoryDataset(only, good), QUICK, 1, tmp_path / "b", 0), onward)


def test_no_epoch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="epochs must be at least 1"):
        train(TrainingJob(TINY, striped_dataset(8), QUICK, 0, tmp_path, 0), onward)
