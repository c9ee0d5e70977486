"""Losses: the flat start aligns symbols without blanks; focal weight and label smoothing match their formulas."""

import numpy as np
import pytest
import torch

from search_space import Architecture
from search_space.recognizer import Recognizer
from testing.striped_lines import striped_dataset
from trainers.base.recipe import Recipe
from trainers.batching.augment import augment
from trainers.batching.collate import Batch
from trainers.batching.line_selection import plan_lines
from trainers.training.flat_start import flat_start_losses, letter_places
from trainers.training.losses import line_losses, uniform_cross_entropy


def test_places_are_probabilities_inside_the_line_and_nothing_outside() -> None:
    places = letter_places(torch.tensor([3, 1, 0]), torch.tensor([10.0, 4.5, 6.0]), 12, 5)
    sums = places.sum(dim=2)
    assert torch.allclose(sums[0], torch.tensor([1.0] * 10 + [0.0] * 2))
    assert torch.allclose(sums[1], torch.tensor([1.0] * 4 + [0.0] * 8))
    assert (sums[2] == 0).all()
    assert (places[0, :, 3:] == 0).all()
    assert places[0, 0].argmax() == 0 and places[0, 5].argmax() == 1 and places[0, 9].argmax() == 2


def test_places_are_sure_at_the_ends_and_vague_in_the_middle_of_a_long_line() -> None:
    places = letter_places(torch.tensor([40]), torch.tensor([400.0]), 400, 40)[0]
    entropy = -(places * places.clamp(min=1e-9).log()).sum(dim=1)
    assert entropy[200] > entropy[30] > entropy[2]


def test_letters_in_their_places_cost_less_than_letters_reversed() -> None:
    targets, lengths, steps = torch.tensor([[1, 2, 3]]), torch.tensor([3]), torch.tensor([12.0])
    shown = torch.tensor([1] * 4 + [2] * 4 + [3] * 4)
    right = 5.0 * torch.nn.functional.one_hot(shown, 4)[None].float()
    wrong = right.flip(1)
    assert flat_start_losses(right, targets, lengths, steps) < flat_start_losses(wrong, targets, lengths, steps)


def test_blank_takes_no_part() -> None:
    logits, targets = torch.randn(2, 9, 5), torch.tensor([[1, 2], [4, 0]])
    lengths, steps = torch.tensor([2, 1]), torch.tensor([9.0, 6.5])
    before = flat_start_losses(logits, targets, lengths, steps)
    logits[:, :, 0] += 100
    assert torch.equal(flat_start_losses(logits, targets, lengths, steps), before)


def test_a_line_without_letters_costs_nothing_and_gradients_are_finite() -> None:
    logits = torch.randn(2, 6, 4, requires_grad=True)
    losses = flat_start_losses(logits, torch.tensor([[0, 0], [1, 2]]), torch.tensor([0, 2]), torch.tensor([6.0, 0.5]))
    assert losses[0] == 0
    losses.sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None and logits.grad.isfinite().all()


def test_unevenness_is_least_for_equally_likely_classes_and_ignores_padding() -> None:
    steps = torch.tensor([4])
    even, sure = torch.zeros(1, 6, 5), 5 * torch.eye(5)[None, [0, 1, 2, 3, 4, 0]]
    assert uniform_cross_entropy(even, steps) < uniform_cross_entropy(sure, steps)
    changed = even.clone()
    changed[:, 4:] = 7 * torch.randn(1, 2, 5)
    assert torch.equal(uniform_cross_entropy(even, steps), uniform_cross_entropy(changed, steps))


def test_focal_weight_goes_by_the_heads_loss_alone() -> None:
    """An auxiliary loss is not the probability of a label; it is added as it is."""
    torch.manual_seed(0)
    recognizer = Recognizer(Architecture(width_percent=25, encoder_hidden=8, encoder_layers=1, auxiliary="attention_guide"), 3)
    recognizer.eval()  # without dropout
    batch = Batch(torch.rand(2, 3, 32, 64), torch.tensor([64, 64]), torch.tensor([[1, 2], [3, 0]]), torch.tensor([2, 1]))
    goal, losses = line_losses(recognizer, Recipe(focal_gamma=2.0), batch.images, batch.widths, batch, 0.0)
    of_head, of_auxiliary = recognizer.loss_parts(batch.images, batch.targets, batch.lengths)
    assert of_auxiliary is not None
    torch.testing.assert_close(losses, of_head + of_auxiliary)
    torch.testing.assert_close(goal, of_head * (1 - torch.exp(-of_head)) ** 2 + of_auxiliary)


@pytest.mark.parametrize("changes", [{}, {"focal_gamma": 2.0}, {"label_smoothing": 0.1}])
def test_the_reported_loss_is_the_recognisers_own(changes: dict[str, float]) -> None:
    recognizer = Recognizer(Architecture(width_percent=25, encoder_hidden=8, encoder_layers=1), 3)
    recipe = Recipe(augmentation=0, batch_lines=4, **changes)  # type: ignore[arg-type]
    prepared = striped_dataset(4)
    planner, feed = plan_lines(prepared.training, prepared.charset, recognizer, recipe, torch.device("cpu"))
    shown = feed.collate(planner.plan(np.random.default_rng(0))[0])
    images, widths = augment(shown.images, shown.widths, 0, np.random.default_rng(0))
    goal, losses = line_losses(recognizer, recipe, images, widths, shown, 0.0)
    assert torch.equal(goal, losses) == (not changes)
    flatter, same = line_losses(recognizer, recipe, images, widths, shown, 1.0)
    assert (flatter > goal - 1e-3).all() and torch.allclose(same, losses, rtol=1e-4)
