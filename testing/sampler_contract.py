"""Tests that every sampler must pass; inherit `SamplerContract` and say how a sampler is made."""

from __future__ import annotations

from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution

from studies.samplers.base import Sampler

SPACE = {"width": IntDistribution(25, 100, step=25), "neck": CategoricalDistribution(("none", "a", "b"))}
DIRECTIONS = ("maximize", "minimize")
RUNGS = (1, 3)


class SamplerContract:
    """Override `make`."""

    def make(self, seed: int = 0) -> Sampler:
        """A sampler of `SPACE`, `DIRECTIONS` and `RUNGS`."""
        raise NotImplementedError

    def test_proposes_every_combination_once(self) -> None:
        sampler, seen = self.make(), []
        for _ in range(12):
            params = sampler.propose()
            assert set(params) == set(SPACE) and params not in seen
            assert params["width"] in (25, 50, 75, 100) and params["neck"] in ("none", "a", "b")
            seen.append(params)
            sampler.observe(params, 1, [params["width"] / 100, float(params["width"])])

    def test_running_and_suspended_parameters_are_not_proposed(self) -> None:
        sampler, open_trials = self.make(), list[dict[str, Any]]()
        for _ in range(5):
            params = sampler.propose(running=open_trials)
            assert params not in open_trials
            open_trials.append(params)

    def test_infeasible_parameters_are_not_proposed(self) -> None:
        sampler = self.make()
        sampler.add_infeasible({"width": 25, "neck": "a"}, 0.5)
        for _ in range(8):
            params = sampler.propose()
            assert params != {"width": 25, "neck": "a"}
            sampler.observe(params, 3, [0.5, float(params["width"])])

    def test_models_from_outside_the_space_are_ignored(self) -> None:
        sampler = self.make()
        sampler.observe({"width": 30, "neck": "a"}, 1, [0.5, 1.0])
        assert sampler.propose()["width"] in (25, 50, 75, 100)

    def test_the_seed_decides(self) -> None:
        assert self.make(3).propose() == self.make(3).propose()

    def test_what_is_not_a_rung_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not a rung"):
            self.make().observe({"width": 25, "neck": "a"}, 2, [0.5, 1.0])
