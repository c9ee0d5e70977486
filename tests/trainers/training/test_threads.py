"""The number of threads is one that was allowed, and finding it leaves torch as it was."""

from pathlib import Path

import pytest
import torch

from search_space import Architecture
from trainers.base.recipe import find_recipe
from trainers.data.dataset import prepare
from trainers.data.spec import DataSpec
from trainers.training import threads
from trainers.training.threads import fastest_thread_count
from trainers.trial import job_threads
from trainers.trial.run import TrialJob

TINY = Architecture(width_percent=25, encoder_hidden=16, encoder_layers=1)


def test_torch_is_left_as_it_was() -> None:
    before, state = torch.get_num_threads(), torch.get_rng_state()
    assert fastest_thread_count(TINY, 5, 2, 64, most=1) == 1
    assert fastest_thread_count(TINY, 5, 2, 64, most=2) <= 2
    assert torch.get_num_threads() == before and torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({1: 1.0, 2: 1.5, 4: 2.0}, 1),
        ({1: 1.0, 2: 0.6, 4: 0.59}, 2),
        ({1: 1.0, 2: 0.6, 4: 0.4}, 4),
        ({1: 1.0, 2: 0.96, 4: 0.97}, 1),
    ],
)
def test_the_quickest_number_of_threads_is_chosen_and_more_only_for_a_gain(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float], chosen: int
) -> None:
    monkeypatch.setattr(threads, "_step_seconds", lambda *_: seconds[torch.get_num_threads()])
    assert fastest_thread_count(TINY, 5, 2, 64, most=4) == chosen


@pytest.mark.parametrize("kept", [None, "", "3\n"])
def test_a_number_that_is_kept_serves_again_and_half_a_file_does_not(
    kept: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(DataSpec(training="digits:unseen", validation="digits:unseen"), tmp_path / "cache")
    job = TrialJob(TINY, prepared.spec, tmp_path / "cache", find_recipe("paretext"), 1, tmp_path / "trial")
    monkeypatch.setattr(job_threads, "fastest_thread_count", lambda *_: 2)
    if kept is not None:
        job.folder.mkdir()
        (job.folder / "threads.txt").write_text(kept)
    expected = 3 if kept else 2
    assert job_threads.threads_for(job, prepared) == expected == int((job.folder / "threads.txt").read_text())
