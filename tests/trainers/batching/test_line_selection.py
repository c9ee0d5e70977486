"""Training shows only lines whose label the recogniser can write, alone or joined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from search_space import Architecture
from search_space.recognizer import Recognizer
from testing.striped_lines import SYMBOLS, InMemoryLines, striped_lines
from trainers.base.errors import UserError
from trainers.base.recipe import Recipe
from trainers.batching.line_selection import plan_lines, share_drawn
from trainers.data.charset import Charset


def label_lengths(lines: InMemoryLines, recipe: Recipe, **fields: Any) -> list[int]:
    """Symbols of each training sample of an epoch."""
    architecture = Architecture(width_percent=25, encoder_hidden=8, encoder_layers=1, **fields)
    charset = Charset(tuple(SYMBOLS))
    planner, feed = plan_lines(lines, charset, Recognizer(architecture, 3), recipe, torch.device("cpu"))
    batches = planner.plan(np.random.default_rng(0))
    return sorted(int(length) for batch in batches for length in feed.collate(batch).lengths)


@pytest.fixture
def lines() -> InMemoryLines:
    """Twenty lines of 25 symbols and five of 26, which no decoder of 25 steps can write."""
    fit, long = striped_lines(20, 0, letters=(25, 25)), striped_lines(5, 1, letters=(26, 26))
    return InMemoryLines(long.images + fit.images, long.texts + fit.texts)


def test_an_attention_head_is_not_shown_labels_it_cannot_write(lines: InMemoryLines) -> None:
    assert label_lengths(lines, Recipe(), head="attention", head_rank=8) == [25] * 20
    assert label_lengths(lines, Recipe()) == [25] * 20 + [26] * 5, "CTC writes as many as its steps allow"


def test_an_attention_head_is_not_shown_joined_lines_that_it_cannot_write() -> None:
    short, long = striped_lines(30, 0, letters=(5, 5)), striped_lines(30, 1, letters=(20, 21))
    both = InMemoryLines(short.images + long.images, short.texts + long.texts)
    joined = label_lengths(both, Recipe(join_share=1.0), head="attention", head_rank=8)
    assert max(joined) <= 25 and 10 in joined
    wide = InMemoryLines([*both.images, *striped_lines(1, 2, letters=(50, 50)).images], [*both.texts, "abc"])
    assert max(label_lengths(wide, Recipe(join_share=1.0), head="attention", head_rank=8)) == 25
    assert max(label_lengths(wide, Recipe(join_share=1.0))) > 25


def test_where_no_line_can_be_written_the_reason_is_that_of_the_first() -> None:
    with pytest.raises(
        UserError, match=r"no training line fits; the first: label '.*' has 30 symbols but head attention writes"
    ):
        label_lengths(striped_lines(3, 0, letters=(30, 30)), Recipe(), head="attention", head_rank=8)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_drawn_lines_are_shown_as_often_as_the_recipe_says(share: float) -> None:
    lines, recipe = striped_lines(120, 0), Recipe(drawn_share=share, batch_lines=8)
    network = Recognizer(Architecture(width_percent=25, encoder_hidden=8, encoder_layers=1), 3)
    planner, _ = plan_lines(lines, Charset(tuple(SYMBOLS)), network, recipe, torch.device("cpu"), drawn=80)
    rng, epochs = np.random.default_rng(0), 40
    shown = np.array([i for _ in range(epochs) for batch in planner.plan(rng) for sample in batch.samples for i in sample])
    assert abs(np.mean(shown >= 40) - share) < 0.02 and abs(len(shown) / epochs - 120) < 4
    counts = np.bincount(shown, minlength=120)[40:] if share else np.bincount(shown, minlength=120)[:40]
    assert counts.min() > 0.3 * counts.mean(), "of the same kind each line has its turn"


def test_a_share_of_drawn_lines_keeps_the_weights_of_sources() -> None:
    weights = share_drawn(np.array([3.0, 1.0, 1.0, 1.0]), np.array([False, False, True, True]), 0.5)
    assert weights is not None and np.allclose(weights, [1.5, 0.5, 1.0, 1.0])


def test_a_share_of_drawn_lines_needs_such_lines() -> None:
    real = np.zeros(3, dtype=bool)
    assert share_drawn(None, real, 0.0) is None
    with pytest.raises(UserError, match=r"drawn_share is 0\.5, and no training line is drawn; .*rendered in \[data\]"):
        share_drawn(None, real, 0.5)
