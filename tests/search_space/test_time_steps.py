"""What can be written at all: CTC's steps against an aligner that tries everything, and messages that say what to do."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from search_space import Architecture
from search_space.recognizer import build_recognizer
from search_space.time_steps import ctc_steps_needed, reason_against, steps_at, steps_needed


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=8))
def test_ctc_needs_exactly_that_many_steps(label: list[int]) -> None:
    """torch's CTC loss is finite from there on, and infinite with one step less."""
    needed = ctc_steps_needed(label)
    for steps, feasible in ((needed, True), (needed - 1, False)):
        if steps:
            log_probabilities = torch.zeros(steps, 1, 4).log_softmax(2)
            loss = F.ctc_loss(log_probabilities, torch.tensor([label]), torch.tensor([steps]), torch.tensor([len(label)]))
            assert bool(loss.isfinite()) == feasible


@pytest.mark.parametrize(
    "values", [{}, {"time_stride": 8}, {"time_stride": 12, "height_px": 48}, {"head": "attention", "head_rank": 8}]
)
def test_steps_are_those_of_the_recogniser(values: dict[str, object]) -> None:
    architecture = Architecture(width_percent=25, **values)  # type: ignore[arg-type]
    recognizer = build_recognizer(architecture, 7).eval()
    with torch.no_grad():
        assert recognizer(torch.zeros(1, 3, architecture.height_px, 192)).shape[1] == steps_at(architecture, 192)


def test_the_message_says_how_wide_an_image_must_be() -> None:
    architecture = Architecture(time_stride=8)
    reason = reason_against(architecture, "aabb", 40)
    assert reason is not None and "needs 6 CTC steps but 40 px at time_stride 8 give 5" in reason and "48 px" in reason
    assert reason_against(architecture, "aabb", 48) is None


def test_a_decoder_needs_one_step_to_end_and_has_26() -> None:
    architecture = Architecture(head="attention", head_rank=16)
    assert steps_needed(architecture, [1] * 25) == 26 == steps_at(architecture, 32)
    assert reason_against(architecture, "a" * 25, 32) is None
    reason = reason_against(architecture, "a" * 26, 3200)
    assert reason is not None and "writes at most 25; use ctc" in reason
