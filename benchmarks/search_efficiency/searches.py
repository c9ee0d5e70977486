"""Ways to search, all run on one simulated worker: what they train, epoch by epoch, and what they finish.

Decisions:
- Epochs are counted when they are trained, once: a proposal that was trained before gets the stored answer for nothing,
  and goes on from its checkpoint. So for all alike.
- Ours is `studies.samplers.front.sampler` with `studies.schedulers.expected_gain`, put together as `studies.run.schedule` does;
  so are the searches called MO-ASHA of `studies.schedulers.asha` with `studies.samplers.optuna_based.per_rung_sampler`.
- Ray's searcher and scheduler, and Syne Tune's scheduler, are the classes as shipped, called in the order in which their
  own loops call them. Ray compares the error alone; both get every epoch's result.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler

from benchmarks.search_efficiency.problems import Pair, Params, Problem
from benchmarks.search_efficiency.under_way import Run
from studies.samplers.front.sampler import FrontSampler
from studies.samplers.optuna_based.per_rung_sampler import RETRIES, PerRungSampler
from studies.schedulers.asha import MOASHA, Form
from studies.schedulers.decisions import Decision
from studies.schedulers.expected_gain import ExpectedGainStopping
from studies.schedulers.rungs import rungs_up_to

Search = Callable[[Run, int], None]


def plain(make: Callable[[int], BaseSampler]) -> Search:
    """An Optuna sampler and full trainings."""

    def search(run: Run, seed: int) -> None:
        study = optuna.create_study(directions=["minimize", "minimize"], sampler=make(seed))
        while run.open:
            run.proposals += 1
            trial = study.ask(fixed_distributions=run.problem.distributions)
            study.tell(trial, run.train(trial.params, run.problem.epochs))

    return search


def ours(form: str = "gain", eta: int = 3, exact: bool = True, shared: bool = True) -> Search:
    """The sampler `front`.

    Args:
        form: of early stopping, as in a study: "gain", "promotion", "stopping" or "none".
        eta: the factor between rungs.
        exact: False: costs are not told before training.
        shared: False: a training gives one precision, not all.
    """

    def search(run: Run, seed: int) -> None:
        problem = run.problem
        rungs = [problem.epochs] if form == "none" else rungs_up_to(problem.epochs, eta)
        known = (problem.exact, problem.costs) if exact else ((), None)
        sampler = FrontSampler(
            problem.distributions,
            ("minimize", "minimize"),
            seed,
            rungs,
            problem.scales,
            *known,
            variant_parameter=problem.shared if shared else None,
        )
        if form in ("promotion", "stopping"):
            rule: Any = MOASHA(
                rungs, eta, form, seed=seed, scales=problem.scales, uninformative_from=problem.uninformative_from
            )  # type: ignore[arg-type]
        else:
            rule = ExpectedGainStopping(rungs, sampler, problem.uninformative_from, eta)
        _halving(run, rule, sampler, shared)

    return search


def mo_asha(
    form: Form = "promotion",
    eta: int = 3,
    sampler: str = "tpe",
    first: int = 1,
    views: bool = True,
    skip_uninformative: bool = True,
    **changes: Any,
) -> Search:
    """MO-ASHA and rung views.

    Args:
        form: "promotion" or "stopping".
        eta: one in eta goes on.
        sampler: as in a study.
        first: epochs of the first rung.
        views: False: the sampler learns from full trainings only, the rest is PRUNED.
        skip_uninformative: False: a rung compares even if nothing has been learnt there.
        changes: of the TPE sampler.
    """

    def search(run: Run, seed: int) -> None:
        rungs = rungs_up_to(run.problem.epochs, eta, first)
        uninformative_from = run.problem.uninformative_from if skip_uninformative else None
        scales = run.problem.scales
        asha = MOASHA(rungs, eta, form, seed=seed, scales=scales, uninformative_from=uninformative_from)
        _halving(run, asha, _views(run.problem, sampler, seed, rungs, views, changes))

    return search


def _halving(run: Run, rule: Any, sampler: Any, shared: bool = False) -> None:
    """Trains from rung to rung, as the driver of a study does with one worker.

    Args:
        run: what is searched.
        rule: who goes on.
        sampler: what is tried next.
        shared: whether what one training gives besides is taken in.
    """
    met: dict[int, Params] = {}
    paused: set[int] = set()
    while run.open:
        promotion = rule.next_promotion()
        if promotion is None:
            run.proposals += 1
            trial, proposed = len(met), sampler.propose([met[p] for p in sorted(paused)])
            if proposed in met.values():  # the space is used up
                promotion = rule.next_promotion(force=True)
                if promotion is None:
                    break
            else:
                met[trial], until = proposed, rule.milestones(trial)[0]
        if promotion is not None:
            trial, until = promotion.trial, promotion.until
            paused.discard(trial)
        while True:
            values = run.train(met[trial], until)
            sampler.observe(met[trial], until, values)
            rule.record(trial, until, values, met[trial])
            if shared and until == run.problem.epochs:
                for other in run.problem.variants(met[trial]):
                    sampler.observe(other, until, run.given(other))
            decision = rule.decide(trial, until)
            if decision is not Decision.CONTINUE or not run.open:
                break
            until = rule.next_rung(trial, until)
        if decision is Decision.PAUSE:
            paused.add(trial)


def _views(problem: Problem, sampler: str, seed: int, rungs: list[int], views: bool, changes: dict[str, Any]) -> Any:
    if not views:
        return _PrunedOnes(problem, seed)
    made = PerRungSampler(problem.distributions, ("minimize", "minimize"), sampler, seed, rungs)
    if changes:  # an ablation: another TPE in every view
        for i, view in enumerate(made._studies.values()):
            settings = {"multivariate": True, "group": True, "constant_liar": True, **changes}
            view._study.sampler = TPESampler(seed=seed + 1009 * i, **settings)
            view._asked = True
    return made


class _PrunedOnes:
    """What Optuna makes of early stopping: stopped trials are PRUNED, and their values forgotten."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._problem = problem
        sampler = TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)
        self._study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
        self._open: dict[tuple[Any, ...], Any] = {}
        self._met: set[tuple[Any, ...]] = set()

    def propose(self, running: list[Params]) -> Params:
        under_way = {tuple(params.values()) for params in running}
        for key in [key for key in self._open if key not in under_way]:
            self._study.tell(self._open.pop(key), state=optuna.trial.TrialState.PRUNED)
        for _ in range(RETRIES):
            trial = self._study.ask(fixed_distributions=self._problem.distributions)
            params = {name: trial.params[name] for name in self._problem.distributions}
            if tuple(params.values()) not in self._met:
                self._open[tuple(params.values())] = trial
                break
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        self._met.add(tuple(params.values()))
        return params

    def observe(self, params: Params, rung: int, values: Pair) -> None:
        key = tuple(params.values())
        if rung == self._problem.epochs and key in self._open:
            self._study.tell(self._open.pop(key), values)


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
            error, cost = run.train(params, epoch)
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
            error, cost = run.train(params, epoch)
            if scheduler.on_trial_result(trial, {"error": error, "cost": cost, "epoch": epoch}) == "STOP":
                break


SEARCHES: dict[str, Search] = {
    "random": plain(lambda seed: RandomSampler(seed=seed)),
    "Optuna TPE": plain(lambda seed: TPESampler(seed=seed)),
    "Optuna NSGA-II": plain(lambda seed: NSGAIISampler(seed=seed)),
    "Ray OptunaSearch + ASHA": ray_asha,
    "Syne Tune MOASHA": syne_tune_moasha,
    "ours": ours(),
    "ours, MO-ASHA": ours("promotion"),
    "ours, MO-ASHA stopping": ours("stopping"),
    "ours, full trainings": ours("none"),
    "ours, eta 2": ours(eta=2),
    "ours, eta 4": ours(eta=4),
    "ours, costs not told": ours(exact=False),
    "ours, precisions apart": ours(shared=False),
    "TPE, MO-ASHA": mo_asha(),
    "TPE, MO-ASHA stopping": mo_asha("stopping"),
    "TPE, MO-ASHA, PRUNED": mo_asha(views=False),
    "independent TPE, MO-ASHA": mo_asha(multivariate=False, group=False),
    "random, MO-ASHA": mo_asha(sampler="random"),
    "TPE, MO-ASHA, eta 2": mo_asha(eta=2),
    "TPE, MO-ASHA, eta 4": mo_asha(eta=4),
    "TPE, MO-ASHA, silent rungs compare": mo_asha(skip_uninformative=False),
    "TPE, MO-ASHA, first rung 3": mo_asha(first=3),
}
PEERS = ("random", "Optuna TPE", "Optuna NSGA-II", "Ray OptunaSearch + ASHA", "Syne Tune MOASHA")
NOT_STOPPING = PEERS[:3]
"""Those without early stopping."""
