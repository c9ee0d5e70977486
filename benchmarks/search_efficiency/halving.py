"""Searches with early stopping as a study runs them: Paretext's sampler and schedulers, and TPE with MO-ASHA.

The scheduler and the sampler come from `studies.schedulers.factory`, as in a study; the loop here is the driver of a study with
one simulated worker.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import optuna
from optuna.samplers import TPESampler

from benchmarks.search_efficiency.problems import Params, Problem
from benchmarks.search_efficiency.under_way import Run, Search
from studies.samplers.optuna_based.per_rung_sampler import RETRIES, PerRungSampler
from studies.schedulers.base import Scheduler
from studies.schedulers.decisions import Decision
from studies.schedulers.factory import EarlyStopping, make_scheduler_and_sampler
from studies.schedulers.rungs import rungs_up_to

DIRECTIONS = ("minimize", "minimize")


def paretext(
    early_stopping: EarlyStopping = "gain", eta: int = 3, known_sizes: bool = True, every_precision: bool = True
) -> Search:
    """Paretext's default search: the sampler `front`.

    Args:
        early_stopping: as in a study; "none" trains every candidate to the end.
        eta: the factor between rungs.
        known_sizes: False: the sampler learns sizes from trainings instead of computing them.
        every_precision: False: a training gives one precision, not all.
    """

    def search(run: Run, seed: int) -> None:
        problem = run.problem
        scheduler, sampler = make_scheduler_and_sampler(
            problem.distributions,
            DIRECTIONS,
            [problem.epochs] if early_stopping == "none" else rungs_up_to(problem.epochs, eta),
            early_stopping=early_stopping,
            eta=eta,
            seed=seed,
            scales=problem.scales,
            uninformative_from=problem.uninformative_from,
            known_objectives=problem.known_objectives if known_sizes else (),
            costs=problem.costs if known_sizes else None,
            variant_parameter=problem.variant_parameter if every_precision else None,
            best_values=problem.best_values,
        )
        train_from_rung_to_rung(run, scheduler, sampler, every_precision)

    return search


def mo_asha(
    early_stopping: EarlyStopping = "promotion",
    eta: int = 3,
    sampler: str = "tpe",
    first_rung: int = 1,
    every_rung: bool = True,
    skip_uninformative: bool = True,
    **tpe_settings: Any,
) -> Search:
    """MO-ASHA with one of Optuna's samplers.

    Args:
        early_stopping: "promotion" or "stopping".
        eta: one in so many trials of a rung is promoted.
        sampler: its name, as in a study.
        first_rung: epochs of the first rung.
        every_rung: False: the sampler learns from full trainings only, and every other trial is PRUNED.
        skip_uninformative: False: a rung ranks trials even if none of them has learnt anything.
        tpe_settings: of the TPE sampler of every rung, instead of those of a study.
    """

    def search(run: Run, seed: int) -> None:
        problem = run.problem
        scheduler, proposes = make_scheduler_and_sampler(
            problem.distributions,
            DIRECTIONS,
            rungs_up_to(problem.epochs, eta, first_rung),
            sampler=sampler,
            early_stopping=early_stopping,
            eta=eta,
            seed=seed,
            scales=problem.scales,
            uninformative_from=problem.uninformative_from if skip_uninformative else None,
        )
        if tpe_settings and isinstance(proposes, PerRungSampler):
            _replace_tpe(proposes, seed, tpe_settings)
        train_from_rung_to_rung(run, scheduler, proposes if every_rung else _FullTrainingsTPE(problem, seed))

    return search


def train_from_rung_to_rung(run: Run, scheduler: Scheduler, sampler: Any, every_precision: bool = False) -> None:
    """Trains until the budget is spent, as the driver of a study does with one worker.

    Args:
        run: the search.
        scheduler: decides which trainings continue.
        sampler: proposes what is tried next.
        every_precision: whether a full training gives all precisions.
    """
    trials: dict[int, Params] = {}
    suspended: set[int] = set()
    while run.open:
        promotion = scheduler.next_promotion()
        if promotion is None:
            run.proposals += 1
            trial, proposed = len(trials), sampler.propose((), [trials[number] for number in sorted(suspended)])
            if proposed in trials.values():  # the space is used up
                promotion = scheduler.next_promotion(force=True)
                if promotion is None:
                    break
            else:
                trials[trial], until = proposed, scheduler.milestones(trial)[0]
        if promotion is not None:
            trial, until = promotion.trial, promotion.until
            suspended.discard(trial)
        while True:
            values = run.train(trials[trial], until)
            sampler.observe(trials[trial], until, values)
            scheduler.record(trial, until, values, trials[trial])
            if every_precision and until == run.problem.epochs:
                for variant in run.problem.variants(trials[trial]):
                    sampler.observe(variant, until, run.add_variant(variant))
            decision = scheduler.decide(trial, until)
            if decision is not Decision.CONTINUE or not run.open:
                break
            until = scheduler.next_rung(trial, until)
        if decision is Decision.PAUSE:
            suspended.add(trial)


def _replace_tpe(sampler: PerRungSampler, seed: int, settings: dict[str, Any]) -> None:
    """Gives every rung a TPE sampler with other settings than those of a study."""
    for i, rung_study in enumerate(sampler._studies.values()):
        all_settings = {"multivariate": True, "group": True, "constant_liar": True, **settings}
        rung_study._study.sampler = TPESampler(seed=seed + 1009 * i, **all_settings)
        rung_study._asked = True


class _FullTrainingsTPE:
    """TPE that learns from full trainings only: Optuna's study of stopped trials, which are PRUNED without values."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._problem = problem
        sampler = TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)
        self._study = optuna.create_study(directions=list(DIRECTIONS), sampler=sampler)
        self._running: dict[tuple[Any, ...], Any] = {}
        self._known: set[tuple[Any, ...]] = set()

    def propose(self, running: Iterable[Params], suspended: Iterable[Params] = ()) -> Params:
        """New parameters, as long as the sampler finds any; trials that neither run nor are suspended become PRUNED."""
        under_way = {tuple(params.values()) for params in itertools.chain(running, suspended)}
        for key in [key for key in self._running if key not in under_way]:
            self._study.tell(self._running.pop(key), state=optuna.trial.TrialState.PRUNED)
        for _ in range(RETRIES):
            trial = self._study.ask(fixed_distributions=self._problem.distributions)
            params = {name: trial.params[name] for name in self._problem.distributions}
            if tuple(params.values()) not in self._known:
                self._running[tuple(params.values())] = trial
                break
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        self._known.add(tuple(params.values()))
        return params

    def observe(self, params: Params, rung: int, values: tuple[float, float]) -> None:
        """Adds the values of a full training; others are ignored."""
        key = tuple(params.values())
        if rung == self._problem.epochs and key in self._running:
            self._study.tell(self._running.pop(key), values)
