"""All searches that are compared, by name. All run on one simulated worker (`benchmarks.search_efficiency.under_way`)."""

from __future__ import annotations

from optuna.samplers import GPSampler, NSGAIISampler, RandomSampler, TPESampler

from benchmarks.search_efficiency.botorch_peers import momf, qlognehvi
from benchmarks.search_efficiency.halving import mo_asha, paretext
from benchmarks.search_efficiency.peers import full_trainings, ray_asha, syne_tune_moasha
from benchmarks.search_efficiency.under_way import Search

PARETEXT = "Paretext"
"""Name of the default search of a study."""
POPULATION = 24
"""Population of the smaller NSGA-II: with Optuna's default of 50, 72 full trainings are hardly two generations."""

SEARCHES: dict[str, Search] = {
    "random": full_trainings(lambda seed: RandomSampler(seed=seed)),
    "Optuna TPE": full_trainings(lambda seed: TPESampler(seed=seed)),
    "Optuna GPSampler": full_trainings(lambda seed: GPSampler(seed=seed)),
    "Optuna NSGA-II": full_trainings(lambda seed: NSGAIISampler(seed=seed)),
    "Optuna NSGA-II, population 24": full_trainings(lambda seed: NSGAIISampler(seed=seed, population_size=POPULATION)),
    "BoTorch qLogNEHVI, known sizes and precisions": qlognehvi,
    "BoTorch MOMF, known sizes and precisions": momf,
    "Ray OptunaSearch + ASHA": ray_asha,
    "Syne Tune MOASHA": syne_tune_moasha,
    PARETEXT: paretext(),
    "Paretext, MO-ASHA": paretext("promotion"),
    "Paretext, MO-ASHA stopping": paretext("stopping"),
    "Paretext, no early stopping": paretext("none"),
    "Paretext, eta 2": paretext(eta=2),
    "Paretext, eta 4": paretext(eta=4),
    "Paretext, without known sizes": paretext(known_sizes=False),
    "Paretext, one precision per training": paretext(every_precision=False),
    "TPE, MO-ASHA": mo_asha(),
    "TPE, MO-ASHA stopping": mo_asha("stopping"),
    "TPE, MO-ASHA, learns from full trainings only": mo_asha(every_rung=False),
    "independent TPE, MO-ASHA": mo_asha(multivariate=False, group=False),
    "random, MO-ASHA": mo_asha(sampler="random"),
    "TPE, MO-ASHA, eta 2": mo_asha(eta=2),
    "TPE, MO-ASHA, eta 4": mo_asha(eta=4),
    "TPE, MO-ASHA, uninformative rungs compared": mo_asha(skip_uninformative=False),
    "TPE, MO-ASHA, first rung 3": mo_asha(first_rung=3),
}
NOT_STOPPING = (
    "random",
    "Optuna TPE",
    "Optuna GPSampler",
    "Optuna NSGA-II",
    "Optuna NSGA-II, population 24",
    "BoTorch qLogNEHVI, known sizes and precisions",
)
"""Searches without early stopping."""
PEERS = (*NOT_STOPPING, "BoTorch MOMF, known sizes and precisions", "Ray OptunaSearch + ASHA", "Syne Tune MOASHA")
"""Searches that contain no part of Paretext."""
