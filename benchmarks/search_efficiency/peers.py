"""Searches of other libraries, as shipped: Optuna's samplers, Ray Tune and Syne Tune.

Ray's searcher and scheduler, and Syne Tune's scheduler, are called in the order in which their own loops call them. Ray's
scheduler compares the error alone; both get the result of every epoch. All minimise what the hypervolume counts, so sizes are
logarithms; with sizes in bytes, Optuna's TPE ends a little higher on the table (0.915 instead of 0.895) and GPSampler lower.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler

from benchmarks.search_efficiency.under_way import Run, Search


def full_trainings(make: Callable[[int], BaseSampler]) -> Search:
    """An Optuna sampler and full trainings.

    Args:
        make: makes the sampler from a seed.
    """

    def search(run: Run, seed: int) -> None:
        study = optuna.create_study(directions=["minimize", "minimize"], sampler=make(seed))
        while run.open:
            run.proposals += 1
            trial = study.ask(fixed_distributions=run.problem.distributions)
            study.tell(trial, run.problem.scaled(run.train(trial.params, run.problem.epochs)))

    return search


def ray_asha(run: Run, seed: int) -> None:
    """Ray Tune's OptunaSearch for both objectives with its ASHA, which compares the error."""
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    problem = run.problem

    def space(trial: Any) -> None:
        for name, given in problem.distributions.items():
            if isinstance(given, CategoricalDistribution):
                trial.suggest_categorical(name, given.choices)
            else:
                trial.suggest_float(name, given.low, given.high)  # type: ignore[attr-defined]

    searcher = OptunaSearch(space, metric=["error", "cost"], mode=["min", "min"], seed=seed)
    scheduler = ASHAScheduler(metric="error", mode="min", max_t=problem.epochs, grace_period=1, reduction_factor=3)
    while run.open:
        run.proposals += 1
        trial: Any = types.SimpleNamespace(trial_id=f"{run.proposals}")
        params = searcher.suggest(trial.trial_id)
        scheduler.on_trial_add(None, trial)
        for epoch in range(1, problem.epochs + 1):
            error, cost = problem.scaled(run.train(params, epoch))
            result = {"error": error, "cost": cost, "training_iteration": epoch}
            searcher.on_trial_result(trial.trial_id, result)
            if scheduler.on_trial_result(None, trial, result) != ASHAScheduler.CONTINUE:
                break
        searcher.on_trial_complete(trial.trial_id, result)


def syne_tune_moasha(run: Run, seed: int) -> None:
    """Syne Tune's MOASHA as shipped: random proposals, its own order, stopping."""
    import numpy as np
    from syne_tune.config_space import choice, uniform
    from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA

    np.random.seed(seed)
    problem = run.problem
    space = {
        name: choice(list(given.choices)) if isinstance(given, CategoricalDistribution) else uniform(given.low, given.high)
        for name, given in problem.distributions.items()
    }
    scheduler = MOASHA(space, ["error", "cost"], time_attr="epoch", max_t=problem.epochs, random_seed=seed)
    while run.open:
        run.proposals += 1
        trial: Any = types.SimpleNamespace(trial_id=run.proposals)
        params = scheduler.suggest().config
        scheduler.on_trial_add(trial)
        for epoch in range(1, problem.epochs + 1):
            error, cost = problem.scaled(run.train(params, epoch))
            if scheduler.on_trial_result(trial, {"error": error, "cost": cost, "epoch": epoch}) == "STOP":
                break
