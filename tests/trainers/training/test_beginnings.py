"""Trainings that begin with the weights of a relative."""

from pathlib import Path

import pytest
import torch

from search_space import Architecture
from search_space.recognizer import Recognizer, build_recognizer
from testing.striped_lines import SYMBOLS, striped_dataset
from trainers.base.progress import EpochReport, Paused
from trainers.base.recipe import Recipe
from trainers.inherit.inherit import inherit
from trainers.training.job import TrainingJob
from trainers.training.loop import TrainingResult, train
from trainers.training.relative import relative_of

TINY = Architecture(width_percent=25, encoder_hidden=16, encoder_layers=1)
QUICK = Recipe(learning_rate=4e-3, warmup_epochs=1, batch_lines=8, clip_norm=5, augmentation=0.1, decoupled_decay=True)
CHARSET = tuple(SYMBOLS)


def onward(_: EpochReport) -> bool:
    return True


@pytest.mark.slow
def test_a_child_reads_after_one_epoch_what_its_relative_learned_in_eight(tmp_path: Path) -> None:
    """Narrower, with another encoder behind the columns; from random weights it reads nothing by then."""
    data = striped_dataset(120)
    parent = TrainingJob(TINY.with_(width_percent=50), data, QUICK.with_(ema_decay=0.9), 8, tmp_path / "parent", 0)
    train(parent, onward)
    relative = relative_of(parent)
    assert relative is not None
    job = TrainingJob(TINY, data, QUICK, 1, tmp_path / "child", 0)
    inheriting = train(job, onward, begin=lambda network: inherit(network, CHARSET, relative))
    random = train(TrainingJob(TINY, data, QUICK, 1, tmp_path / "random", 0), onward)
    assert isinstance(inheriting, TrainingResult) and isinstance(random, TrainingResult)
    assert inheriting.history[-1].cer < 0.5 * random.history[-1].cer


def test_a_training_begins_once(tmp_path: Path) -> None:
    begun: list[Recognizer] = []

    def begin(network: Recognizer) -> None:
        begun.append(network)
        with torch.no_grad():
            network.head.classes.bias.fill_(7.0)  # type: ignore[union-attr, operator]

    job = TrainingJob(TINY, striped_dataset(20), QUICK, 2, tmp_path, 0)
    assert isinstance(train(job, onward, until_epoch=1, begin=begin), Paused)
    assert isinstance(train(job, onward, begin=begin), TrainingResult)
    assert len(begun) == 1
    assert begun[0].head.classes.bias.min() > 5  # type: ignore[union-attr, operator]


@pytest.mark.usefixtures("quick_search_of_channels")
@pytest.mark.parametrize("percent", [0, 50])
def test_the_relative_of_a_training_is_what_it_reads_with(tmp_path: Path, percent: int) -> None:
    """Also of a pruned one, whose layers have other shapes than its architecture says."""
    architecture = TINY.with_(prune_percent=percent, prune_criterion="l1" if percent else None)
    job = TrainingJob(architecture, striped_dataset(20), QUICK.with_(ema_decay=0.9), 2, tmp_path, 0)
    assert relative_of(job) is None
    done = train(job, onward)
    assert isinstance(done, TrainingResult)
    relative = relative_of(job)
    assert relative is not None and (relative.pruned is not None) == bool(percent)
    images = torch.rand(2, 3, 32, 64)
    with torch.no_grad():
        torch.testing.assert_close(relative.network()(images), done.recognizer(images))
    child = build_recognizer(TINY, len(CHARSET))
    assert inherit(child, CHARSET, relative).share == 1 if not percent else inherit(child, CHARSET, relative).share < 1
