"""Who proposes, by name. All but the first are Optuna's; the settings are those that did best in benchmarks/search_efficiency.

| name | what it is |
|---|---|
| `front` | expected gain of the front, with costs known exactly and all rungs (`studies.samplers.front.sampler`) |
| `tpe` | multivariate tree-structured Parzen estimator (MOTPE) |
| `nsga2`, `nsga3` | genetic: crossover of the non-dominated |
| `gp` | Gaussian processes and expected hypervolume; good with few trials, slow with many |
| `random` | no model |
| `qmc` | Sobol points: random, but evenly spread |

Optuna is imported when a sampler is made: to check a name costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from search_space.catalog import nearest
from trainers.base.errors import UserError

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

FRONT = "front"
"""The sampler of our own."""
POPULATION = 24
"""Parents of a generation. Optuna's 50 suits thousands of trials: a study of 100 would see one generation."""
STARTUP_TRIALS = 10


def _tpe(seed: int) -> BaseSampler:
    from studies.samplers.optuna_based.cached_tpe import CachedTPESampler

    # group: trials that lack a field (a known model from outside the space) must not shrink the space for all others
    return CachedTPESampler(seed=seed, multivariate=True, group=True, constant_liar=True, n_startup_trials=STARTUP_TRIALS)


def _nsga2(seed: int) -> BaseSampler:
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler(seed=seed, population_size=POPULATION)


def _nsga3(seed: int) -> BaseSampler:
    from optuna.samplers import NSGAIIISampler

    return NSGAIIISampler(seed=seed, population_size=POPULATION)


def _gp(seed: int) -> BaseSampler:
    from optuna.samplers import GPSampler

    return GPSampler(seed=seed, n_startup_trials=STARTUP_TRIALS, warn_independent_sampling=False)


def _random(seed: int) -> BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


def _qmc(seed: int) -> BaseSampler:
    from optuna.samplers import QMCSampler

    return QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False)


SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": _tpe,
    "nsga2": _nsga2,
    "nsga3": _nsga3,
    "gp": _gp,
    "random": _random,
    "qmc": _qmc,
}
"""Name to maker, of Optuna's."""
NAMES = (FRONT, *SAMPLERS)
"""What a study may ask for."""

LEARNING = frozenset({"tpe", "nsga2", "nsga3", "gp"})
"""Samplers whose proposals depend on what has been measured."""


def make_sampler(name: str, seed: int) -> BaseSampler:
    """A new sampler.

    Args:
        name: one of `SAMPLERS`; `front` is made by `studies.run.schedule`, which knows the costs.
        seed: of its random numbers. A sampler made anew for a study that has trials already needs another seed than the
            first one had (seed + number of trials), or it repeats its first proposals.

    Raises:
        UserError: no sampler has that name.
    """
    import warnings

    import optuna

    if name not in SAMPLERS:
        raise UserError(f"no sampler is called '{name}'{nearest(name, list(SAMPLERS))} (known: {', '.join(SAMPLERS)})")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return SAMPLERS[name](seed)
