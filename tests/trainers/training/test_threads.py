"""The number of threads is one that was allowed, and finding it leaves torch as it was."""

import torch

from search_space import Architecture
from trainers.training.threads import quickest_threads

TINY = Architecture(width_percent=25, encoder_hidden=16, encoder_layers=1)


def test_threads_are_chosen_among_those_allowed() -> None:
    before, state = torch.get_num_threads(), torch.get_rng_state()
    assert quickest_threads(TINY, 5, 2, 64, most=1) == 1
    assert quickest_threads(TINY, 5, 2, 64, most=2) in (1, 2)
    assert torch.get_num_threads() == before and torch.equal(torch.get_rng_state(), state)
