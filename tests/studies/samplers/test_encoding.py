"""Rows, points of the unit cube and parameters of a space."""

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from studies.samplers.front.encoding import SpaceEncoder, to_row

SPACE = {
    "batch": IntDistribution(16, 512, log=True),
    "rate": FloatDistribution(1e-4, 1e-1, log=True),
    "layers": IntDistribution(1, 5),
}


def test_logarithmic_integers_are_sampled_and_placed_by_their_logarithm():
    encoder, rng = SpaceEncoder(SPACE), np.random.default_rng(0)
    rows = encoder.sample(4000, rng)
    batches = np.array([encoder.decode(row)["batch"] for row in rows])
    assert batches.min() == 16 and batches.max() == 512
    assert abs(np.mean(batches < 90.5) - 0.5) < 0.03, "half of them are below the geometric mean"
    middle = encoder.encode({"batch": 91, "rate": 1e-2, "layers": 3})
    assert abs(encoder.to_unit_cube(np.array([middle]))[0, 0] - 0.5) < 0.01


def test_neighbours_of_logarithmic_integers_are_as_near_at_both_ends():
    encoder, rng = SpaceEncoder(SPACE), np.random.default_rng(0)
    for batch in (24, 340):
        start = np.array([encoder.encode({"batch": batch, "rate": 1e-2, "layers": 3})] * 2000)
        moved = encoder.perturb(start, rng, np.full((2000, 1), 0.1))
        changed = moved[moved[:, 0] != start[:, 0]]
        distances = np.abs(encoder.to_unit_cube(changed)[:, 0] - encoder.to_unit_cube(start[:1])[0, 0])
        assert 0.06 < distances.mean() < 0.1, batch
        assert set(changed[:, 0]) <= set(range(497))


def test_rows_and_parameters_are_inverse():
    encoder, rng = SpaceEncoder(SPACE), np.random.default_rng(1)
    for row in encoder.perturb(encoder.sample(200, rng), rng, np.full((200, 1), 0.3)):
        params = encoder.decode(row)
        assert np.allclose(encoder.encode(params), to_row(row))


def test_listed_numbers_are_placed_by_their_value_or_its_logarithm_where_a_scale_is_given():
    rates, shares, widths = (0.01, 0.0001, 0.001), (0.0, 0.2, 1.0), (32, 48, 96)
    space = {
        "rate": CategoricalDistribution(rates),
        "share": CategoricalDistribution(shares),
        "width": CategoricalDistribution(widths),
    }
    encoder = SpaceEncoder(space, {"rate": "log", "share": "linear"})
    rows = np.array([encoder.encode({"rate": rates[i], "share": shares[i], "width": widths[i]}) for i in range(3)])
    expected = [[1, 0, 0], [0, 0.2, 0.5], [0.5, 1, 1]]
    assert np.allclose(encoder.to_unit_cube(rows), expected)
    for row in encoder.perturb(encoder.sample(100, np.random.default_rng(0)), np.random.default_rng(1), np.full((100, 1), 0.3)):
        assert np.allclose(encoder.encode(encoder.decode(row)), row)


def test_a_logarithmic_list_with_a_zero_is_evenly_spaced():
    encoder = SpaceEncoder({"decay": CategoricalDistribution((0.0, 0.001, 0.1))}, {"decay": "log"})
    assert np.allclose(encoder.to_unit_cube(encoder.all_rows())[:, 0], [0, 0.5, 1])
