"""Sampler registry. All but the first are Optuna's, with the settings that did best in benchmarks/search_efficiency.

| name | description |
|---|---|
| `front` | expected hypervolume improvement, with exact costs and the results of all rungs (`studies.samplers.front.sampler`) |
| `tpe` | multivariate tree-structured Parzen estimator (MOTPE) |
| `nsga2`, `nsga3` | genetic algorithms with non-dominated sorting |
| `gp` | Gaussian processes and expected hypervolume improvement; good with few trials, slow with many |
| `random` | uniform at random |
| `qmc` | Sobol sequence: quasi-random, covers the space evenly |

Optuna is imported only when a sampler is made, so checking a name is fast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from search_space.catalog import nearest
from trainers.base.errors import UserError

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

FRONT = "front"
"""Name of Paretext's own sampler, the default."""
POPULATION = 24
"""Population size of the genetic samplers. With Optuna's default of 50 a study of 100 trials has two generations."""
STARTUP_TRIALS = 10
"""Random trials before TPE and GP use their models: Optuna's default for both."""


def _tpe(seed: int) -> BaseSampler:
    from studies.optuna_internals.cached_tpe import CachedTPESampler

    # group: trials that lack a field (a known model from outside the space) must not reduce the space for all others
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
"""Functions that make Optuna's samplers, by name."""
NAMES = (FRONT, *SAMPLERS)
"""Names that a study may use."""

LEARNING = frozenset({"tpe", "nsga2", "nsga3", "gp"})
"""Samplers whose proposals depend on what has been measured."""


def make_sampler(name: str, seed: int) -> BaseSampler:
    """Makes one of Optuna's samplers.

    Args:
        name: one of `SAMPLERS`; `front` is made by `studies.run.schedule`, which knows the costs.
        seed: seed of its random numbers. To continue a study that has trials use another seed than before (such as seed +
            number of trials); otherwise the sampler repeats its first proposals.

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
