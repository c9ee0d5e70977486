"""Optuna's TPE where all trials have all parameters, and where it may be asked again for one proposal: same ideas, less work.

To make up its mind TPE goes through all trials in plain Python, several times, and a study of thousands that has converged
hears nothing new in one idea of twenty. So what the trials come to is kept: what each one's parameters are as numbers, and,
until trials change, the two densities that ideas are drawn from and weighed by.

Overridden are inner methods of Optuna's; that proposals are still the same is what tests/studies/samplers/test_cached_tpe.py is
for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

Array = NDArray[np.float64]


class CachedTPESampler(TPESampler):
    """TPE that remembers.

    Attributes:
        whole: the space, where every trial has all of it and keeps its parameters; None leaves everything to Optuna.
    """

    whole: Mapping[str, BaseDistribution] | None = None

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._places: dict[int, int] = {}  # trial number to row
        self._rows = np.zeros((0, 0))
        self._densities: list[Any] = []  # below, above
        self._weighed: dict[tuple[float, ...], float] = {}

    def again(self) -> dict[str, Any] | None:
        """Another idea like the last one, trials being the same; None where that one was no idea of the densities'."""
        if self.whole is None or len(self._densities) != 2:
            return None
        below, above = self._densities
        drawn = below.sample(self._rng.rng, self._n_ei_candidates)
        best = self._compare(drawn, self._compute_acquisition_func(drawn, below, above))
        return {name: self.whole[name].to_external_repr(value) for name, value in best.items()}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        self._densities = []
        if self.whole is None:
            return super().infer_relative_search_space(study, trial)
        self._group = False  # no trial lacks a parameter
        learnt = (TrialState.COMPLETE, TrialState.PRUNED)
        if not any(t.state in learnt for t in study.get_trials(deepcopy=False)):
            return {}
        return {name: d for name, d in sorted(self.whole.items()) if not d.single()}

    def _build_parzen_estimator(
        self, study: Study, search_space: dict[str, BaseDistribution], trials: list[FrozenTrial], handle_below: bool
    ) -> Any:
        built = super()._build_parzen_estimator(study, search_space, trials, handle_below)
        self._densities = [built] if handle_below else [*self._densities[:1], built]
        self._weighed = {}
        return built

    def _get_internal_repr(
        self, trials: list[FrozenTrial], search_space: dict[str, BaseDistribution], study: Study
    ) -> dict[str, Array]:
        if self.whole is None:
            return super()._get_internal_repr(trials, search_space, study)
        for trial in trials:
            if trial.number not in self._places and search_space.keys() <= trial.params.keys():
                self._add(trial.number, [d.to_internal_repr(trial.params[name]) for name, d in search_space.items()])
        rows = self._rows[[place for t in trials if (place := self._places.get(t.number)) is not None]]
        return {name: rows[:, i] for i, name in enumerate(search_space)}

    def _add(self, number: int, row: list[float]) -> None:
        place = self._places[number] = len(self._places)
        if place >= len(self._rows):
            self._rows = np.resize(self._rows, (max(64, 2 * place), len(row)))
        self._rows[place] = row

    def _compute_acquisition_func(self, samples: dict[str, Array], mpe_below: Any, mpe_above: Any) -> Array:
        """Weighs what has not been weighed yet: once a study has converged, few ideas are new."""
        if self.whole is None:
            return super()._compute_acquisition_func(samples, mpe_below, mpe_above)
        ideas = list(zip(*(values.tolist() for values in samples.values()), strict=True))
        new = {idea: i for i, idea in enumerate(ideas) if idea not in self._weighed}
        if new:
            at = list(new.values())
            found = super()._compute_acquisition_func({name: v[at] for name, v in samples.items()}, mpe_below, mpe_above)
            self._weighed.update(zip(new, found.tolist(), strict=True))
        return np.array([self._weighed[idea] for idea in ideas])
