"""The built-in samplers and the example keep the contract of samplers."""

import pytest

from examples.sampler import LocalSearch
from studies.definition.study import resolve
from studies.samplers.catalog import samplers
from studies.samplers.front.sampler import FrontSampler
from studies.samplers.optuna_based.per_rung_sampler import PerRungSampler
from testing.sampler_contract import DIRECTIONS, RUNGS, SPACE, SamplerContract
from trainers.base.errors import UserError


class TestFront(SamplerContract):
    def make(self, seed=0):
        return FrontSampler(SPACE, DIRECTIONS, seed, RUNGS)


class TestOptuna(SamplerContract):
    def make(self, seed=0):
        return PerRungSampler(SPACE, DIRECTIONS, "tpe", seed, RUNGS)


class TestExample(SamplerContract):
    def make(self, seed=0):
        return LocalSearch(SPACE, DIRECTIONS, seed, RUNGS)


def test_a_registered_sampler_can_be_named_in_a_study_and_a_misspelt_one_is_answered_with_the_nearest(monkeypatch):
    monkeypatch.setitem(samplers._registered, "local_search", LocalSearch)
    assert resolve({"name": "x", "search": {"sampler": "local_search"}}, "here").search.sampler == "local_search"
    with pytest.raises(UserError, match="did you mean 'local_search'"):
        resolve({"name": "x", "search": {"sampler": "local_serch"}}, "here")
