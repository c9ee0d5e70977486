"""Laws of planning: every line is shown, batches fit, and steps cost about the same."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.batching.batch_planner import BatchPlanner, bucket_widths, padded_labels

WIDTHS = st.lists(st.integers(1, 1500), min_size=1, max_size=300)


@given(WIDTHS, st.sampled_from([32, 96]), st.integers(1, 64), st.integers(0, 5))
@settings(deadline=None)
def test_every_line_is_shown_once_and_fits_its_batch(widths: list[int], multiple: int, batch_lines: int, seed: int) -> None:
    planner = BatchPlanner(np.array(widths), multiple, batch_lines)
    batches = planner.plan(np.random.default_rng(seed))
    shown = [i for batch in batches for sample in batch.samples for i in sample]
    assert sorted(shown) == list(range(len(widths)))
    for batch in batches:
        assert batch.width_px % multiple == 0
        assert max(widths[sample[0]] for sample in batch.samples) <= batch.width_px


@given(WIDTHS, st.integers(1, 32), st.floats(0.1, 1.0))
@settings(deadline=None)
def test_joined_lines_fit_and_leave_no_line_out(widths: list[int], batch_lines: int, share: float) -> None:
    batches = BatchPlanner(np.array(widths), 32, batch_lines, share).plan(np.random.default_rng(0))
    samples = [sample for batch in batches for sample in batch.samples]
    assert {sample[0] for sample in samples} == set(range(len(widths)))
    assert all(sum(widths[i] for i in s) <= batch.width_px for batch in batches for s in batch.samples)
    assert all(sum(widths[i] for i in s) <= max(widths) for s in samples if len(s) > 1)


def test_steps_cost_about_the_same_and_little_of_them_is_padding() -> None:
    widths = np.random.default_rng(0).lognormal(5.5, 0.6, 5000).astype(int).clip(20, 1500)
    batches = BatchPlanner(widths, 32, 32).plan(np.random.default_rng(1))
    pixels = np.array([len(b.samples) * b.width_px for b in batches])
    usual = np.median(pixels)
    assert np.mean((pixels > 0.6 * usual) & (pixels < 1.5 * usual)) > 0.95
    assert widths.sum() / pixels.sum() > 0.85


def test_orders_differ_between_epochs_and_repeat_with_the_seed() -> None:
    planner = BatchPlanner(np.random.default_rng(0).integers(40, 400, 500), 32, 16)
    first, again, other = (planner.plan(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_weights_say_how_often_lines_are_shown() -> None:
    weights = np.array([0.0, 0.5, 1.0, 2.5])
    planner = BatchPlanner(np.full(4, 64), 32, 4, weights=weights)
    shown = [i for seed in range(400) for b in planner.plan(np.random.default_rng(seed)) for s in b.samples for i in s]
    assert np.allclose(np.bincount(shown, minlength=4) / 400, weights, atol=0.1)


def test_a_data_set_of_any_widths_has_few_shapes() -> None:
    widths = bucket_widths(20_000, 32)
    assert len(widths) < 50
    assert widths == sorted(set(widths))


def test_labels_are_padded_with_zeros() -> None:
    targets, lengths = padded_labels([[3, 1], [], [5]])
    assert targets.tolist() == [[3, 1], [0, 0], [5, 0]]
    assert lengths.tolist() == [2, 0, 1]
    assert padded_labels([[]])[0].shape == (1, 1)
