"""Candidates that are one and the same network are proposed once."""

from optuna.distributions import CategoricalDistribution

from studies.samplers.front.sampler import FrontSampler

DIRECTIONS = ("maximize", "minimize")


def test_of_equal_candidates_one_is_proposed():
    """Without an encoder its size has no effect."""
    space = {"encoder": CategoricalDistribution(["none", "gru"]), "hidden": CategoricalDistribution([24, 48, 96])}
    unused = lambda params: ["hidden"] if params["encoder"] == "none" else []  # noqa: E731
    sampler = FrontSampler(space, DIRECTIONS, unused=unused)
    proposed = [sampler.propose() for _ in range(4)]
    assert sorted(params["encoder"] for params in proposed) == ["gru", "gru", "gru", "none"]
    assert {params["hidden"] for params in proposed if params["encoder"] == "gru"} == {24, 48, 96}
    observing = FrontSampler(space, DIRECTIONS, unused=unused)
    observing.observe({"encoder": "none", "hidden": 48}, 1, [0.5, 1.0])
    assert [observing.propose()["encoder"] for _ in range(3)] == ["gru"] * 3
