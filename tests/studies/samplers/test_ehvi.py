"""Expected hypervolume improvement against Monte Carlo estimates; regressions against the functions that they fit."""

import numpy as np
import pytest

from studies.objectives.pareto import hypervolume
from studies.samplers.front.ehvi import expected_hypervolume_improvement
from studies.samplers.front.gaussian_process import GaussianProcess
from studies.samplers.front.multi_fidelity_gp import MultiFidelityGP, RungData

FRONTS = {2: [(0.2, 0.7), (0.5, 0.4), (0.8, 0.1)], 3: [(0.2, 0.7, 0.5), (0.5, 0.4, 0.9), (0.8, 0.1, 0.2), (0.9, 0.9, 0.1)]}


@pytest.mark.parametrize("objectives", [2, 3])
@pytest.mark.parametrize("known", [(), (1,), (0, 1)])
def test_they_are_what_drawing_gives(objectives, known):
    by = np.random.default_rng(0)
    front, reference = FRONTS[objectives], (1.1,) * objectives
    means, deviations = by.random((5, objectives)), by.random((5, objectives)) * 0.4
    deviations[:, list(known)] = 0.0
    found = expected_hypervolume_improvement(means, deviations, front, reference)
    before = hypervolume(front, reference)
    for mean, deviation, gain in zip(means, deviations, found, strict=True):
        drawn = mean + deviation * by.standard_normal((2000, objectives))
        gains = [hypervolume([*front, tuple(values)], reference) - before for values in drawn]
        assert gain == pytest.approx(np.mean(gains), abs=4 * np.std(gains) / len(gains) ** 0.5 + 1e-9)


@pytest.mark.parametrize("objectives", [2, 3])
def test_what_lies_beyond_the_best_possible_value_is_no_improvement(objectives):
    """An error below 0, which a normal distribution thinks possible, counts as 0."""
    by = np.random.default_rng(1)
    front, reference, lowest = FRONTS[objectives], (1.1,) * objectives, (0.1, *[-np.inf] * (objectives - 1))
    means, deviations = by.random((5, objectives)) * 0.5, np.full((5, objectives), 0.3)
    found = expected_hypervolume_improvement(means, deviations, front, reference, lowest)
    before = hypervolume(front, reference)
    for mean, deviation, gain in zip(means, deviations, found, strict=True):
        drawn = np.maximum(mean + deviation * by.standard_normal((2000, objectives)), lowest)
        gains = [hypervolume([*front, tuple(values)], reference) - before for values in drawn]
        assert gain == pytest.approx(np.mean(gains), abs=4 * np.std(gains) / len(gains) ** 0.5 + 1e-9)
    perfect = [(0.1, *[0.3] * (objectives - 1))]
    worse, uncertain = np.full((1, objectives), 0.35), np.array([[0.4, *[0.0] * (objectives - 1)]])
    assert expected_hypervolume_improvement(worse, uncertain, perfect, reference, lowest)[0] == pytest.approx(0, abs=1e-12)
    assert expected_hypervolume_improvement(worse, uncertain, perfect, reference)[0] > 1e-3


def test_without_a_front_all_up_to_the_reference_counts_and_beyond_it_nothing():
    assert expected_hypervolume_improvement(np.array([[0.5, 0.5], [1.5, 0.1]]), np.zeros((2, 2)), [], (1.0, 1.0)).tolist() == [
        0.25,
        0.0,
    ]
    with pytest.raises(ValueError, match="two or three"):
        expected_hypervolume_improvement(np.zeros((1, 4)), np.zeros((1, 4)), [], (1.0,) * 4)


def test_a_regression_finds_what_matters_and_how_sure_it_is():
    by = np.random.default_rng(1)
    points = by.random((60, 3))
    values = np.sin(6 * points[:, 0])
    process = GaussianProcess(points, np.arange(3), np.ones((60, 1)), np.ones(1), values / values.std())
    new = by.random((40, 3))
    mean, variance = process.predict(new, np.ones((40, 1)))
    assert np.abs(mean * values.std() - np.sin(6 * new[:, 0])).max() < 0.25
    assert process.log_hyperparameters[0] < min(
        process.log_hyperparameters[1:3]
    )  # the field that matters has the shortest length
    far = process.predict(np.full((1, 3), 3.0), np.ones((1, 1)))[1]
    assert far[0] > variance.max()


def test_the_gradient_is_that_of_the_negative_log_posterior():
    from studies.samplers.front.gaussian_process import _negative_log_posterior, squared_distances

    by = np.random.default_rng(2)
    points, values, at = by.random((12, 2)), by.standard_normal(12), np.array([-0.5, 0.2, -2.0])
    distances = np.stack([squared_distances(points[:, [k]], points[:, [k]]) for k in range(2)])
    rest = (distances, np.ones((12, 12)), values, np.zeros(3), np.ones(3))
    for k in range(3):
        step = 1e-5 * (np.arange(3) == k)
        slope = (_negative_log_posterior(at + step, *rest)[0] - _negative_log_posterior(at - step, *rest)[0]) / 2e-5
        assert _negative_log_posterior(at, *rest)[1][k] == pytest.approx(slope, rel=1e-4, abs=1e-6)


def test_fantasies_reduce_the_variance_around_them_and_move_no_mean():
    by = np.random.default_rng(3)
    points = by.random((10, 2))
    process = GaussianProcess(points, np.arange(2), np.ones((10, 1)), np.ones(1), by.standard_normal(10))
    new = np.array([[3.0, 3.0], [3.05, 3.0]])
    mean, before = process.predict(new, np.ones((2, 1)))
    process.add_fantasies(new[:1], np.ones((1, 1)))
    again, after = process.predict(new, np.ones((2, 1)))
    assert np.allclose(mean, again) and (after < before / 2).all()
    assert np.allclose(process.predict(new, np.ones((2, 1)), fantasies=False)[1], before)


def test_a_model_is_not_misled_by_training_only_the_best_to_the_end():
    by = np.random.default_rng(4)
    points = by.random((60, 2))
    early = points[:, 0] + 0.2 * by.standard_normal(60)
    late = 0.2 + 0.5 * early
    good = np.argsort(early)[:15].tolist()
    model = MultiFidelityGP(
        points, np.arange(2), [RungData(list(range(60)), early.tolist()), RungData(good, late[good].tolist())]
    )
    mean, variance = model.predict(np.array([[0.1, 0.5], [0.9, 0.5]]))
    assert mean == pytest.approx([0.25, 0.65], abs=0.15)
    assert (variance > 0).all()
    finished = model.predict_from(np.array([[0.9, 0.5]]), 0, np.array([0.9]))[0]
    assert finished == pytest.approx([0.65], abs=0.15)


def test_a_model_extrapolates_a_slope_with_a_large_deviation():
    points = np.linspace(0.0, 0.4, 5)[:, None]
    model = MultiFidelityGP(points, np.arange(1), [RungData(list(range(5)), (2.0 - 3.0 * points[:, 0]).tolist())])
    mean, variance = model.predict(np.array([[0.2], [1.0]]))
    assert mean[0] == pytest.approx(1.4, abs=0.05) and mean[1] < 0.75, "lower than the lowest that it has seen"
    assert variance[1] > 10 * variance[0]


def test_equal_values_that_differ_by_rounding_blow_nothing_up():
    """Nothing is read at the first rung, and what is predicted there differs from 1.0 in the last digit."""
    points = np.random.default_rng(5).random((6, 3))
    first = RungData([0, 1, 2, 3], [1.0, 1.0 + 2e-16, 1.0, 1.0 - 1e-16])
    model = MultiFidelityGP(points, np.arange(3), [first, RungData([0, 1, 2], [0.3, 0.5, 0.4])])
    mean, variance = model.predict(points)
    assert np.isfinite(mean).all() and np.isfinite(variance).all() and (np.abs(mean) < 2).all()


def test_a_covariance_made_indefinite_by_rounding_gets_a_little_jitter():
    from studies.samplers.front.gaussian_process import _cholesky

    equal = np.full((3, 3), 1.0)
    assert np.allclose(_cholesky(equal) @ _cholesky(equal).T, equal, atol=1e-3)
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        _cholesky(np.diag([1.0, -1.0]))


def test_two_trainings_that_agree_at_a_rung_do_not_make_all_others_certain():
    """The first two at the second rung agree by chance; the third reads far more after the first rung."""
    points = np.random.default_rng(6).random((8, 3))
    first = RungData(list(range(8)), [0.62, 0.61, 0.34, 0.55, 0.67, 0.60, 0.56, 0.58])
    for second in ([0.4377, 0.4384], [0.4384, 0.4377], [0.4380, 0.4380]):
        model = MultiFidelityGP(points, np.arange(3), [first, RungData([0, 1], second)])
        mean, variance = model.predict_from(points[[2, 4]], 0, np.array([0.34, 0.67]))
        assert 0.1 < mean[0] < 0.35, "better than the two, and by no more than it is ahead"
        assert 0.4 < mean[1] < 0.6
        assert 0.03 < variance[0] ** 0.5 < 0.2


def test_a_rung_that_nobody_has_reached_is_expected_to_bring_less_than_the_one_before():
    points = np.random.default_rng(7).random((6, 3))
    first = RungData(list(range(6)), [0.60, 0.50, 0.70, 0.55, 0.65, 0.45])
    model = MultiFidelityGP(points, np.arange(3), [first, RungData([0, 1], [0.30, 0.25])])
    reached = [model.predict_until(points[[1]], 1, np.array([0.25]), until) for until in (1, 2, 3)]
    means, variances = zip(*((float(mean[0]), float(variance[0])) for mean, variance in reached), strict=True)
    assert means[0] == 0.25 > means[1] > means[2] > 0.05 and means[0] - means[1] > means[1] - means[2]
    assert variances[0] == 0 < variances[1] < variances[2]
    new = model.predict_until(points[[3]], -1, np.zeros(1), 0)[0]
    assert new[0] == pytest.approx(0.55, abs=0.1), "the value at the first rung"
