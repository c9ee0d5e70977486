"""At the end of a search the sampler `front` proposes children of neighbours on the front only."""

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from studies.samplers.front.encoding import SpaceEncoder
from studies.samplers.front.sampler import FrontSampler

SPACE = {
    "size": IntDistribution(0, 63),
    "noise": IntDistribution(0, 63),
    "rate": FloatDistribution(0.0, 1.0),
    "kind": CategoricalDistribution(["a", "b", "c", "d"]),
}


def test_a_child_lies_between_its_parents() -> None:
    encoder, rng = SpaceEncoder(SPACE), np.random.default_rng(0)
    first, second = encoder.sample(50, rng), encoder.sample(50, rng)
    children = encoder.cross(first, second, rng)
    low, high = np.minimum(first, second), np.maximum(first, second)
    assert ((low <= children) & (children <= high)).all() and (children[:, :2] == np.round(children[:, :2])).all()
    assert ((children[:, 3] == first[:, 3]) | (children[:, 3] == second[:, 3])).all()
    assert any((children[:, k] != first[:, k]).any() and (children[:, k] != second[:, k]).any() for k in range(3))


def observed(near_front: bool) -> FrontSampler:
    """Larger ones err less; on the front are those without noise, of kind a, with the rate 0.5."""
    sampler = FrontSampler(SPACE, ["minimize", "minimize"], initial_trainings=4)
    rng = np.random.default_rng(1)
    for number in range(40):
        size = int(rng.integers(64))
        params = (
            {"size": size, "noise": 0, "rate": 0.5, "kind": "a"}
            if number % 4 == 0
            else {"size": size, "noise": int(rng.integers(1, 64)), "rate": float(rng.random()), "kind": "bcd"[number % 3]}
        )
        noise = params["noise"] / 64 + abs(params["rate"] - 0.5) + (params["kind"] != "a")  # type: ignore[operator, arg-type]
        sampler.observe(params, 1, [1 - size / 80 + 0.1 * noise, 0.1 + size / 64])
    sampler.candidates.near_front = near_front
    return sampler


def test_proposals_are_children_of_the_front() -> None:
    near, free = observed(True), observed(False)
    found = [near.propose() for _ in range(5)]
    assert len({tuple(params.values()) for params in found}) == 5
    surrogate = near._model_and_proposal()[0]
    children = near.candidates.children(surrogate, np.random.default_rng(0))
    everything = free.candidates.rows(surrogate, set(), np.random.default_rng(0))
    assert (children[:, 1] < 8).mean() > (everything[:, 1] < 8).mean() + 0.2
    assert all(params["kind"] == "a" or params["noise"] < 16 for params in found)
