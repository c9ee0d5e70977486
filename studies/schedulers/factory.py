"""Makes the scheduler and the sampler of a search from plain settings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

from studies.objectives.pareto import Scale
from studies.samplers.base import Sampler
from studies.samplers.catalog import samplers
from studies.samplers.front.ancestry import Ancestry
from studies.samplers.front.feasibility import CostFunction
from studies.samplers.front.sampler import FrontSampler
from studies.samplers.front.training_cost import EpochCost
from studies.samplers.optuna_based.factory import FRONT
from studies.samplers.optuna_based.per_rung_sampler import PerRungSampler
from studies.schedulers.asha import MOASHA
from studies.schedulers.base import Scheduler
from studies.schedulers.expected_gain import ExpectedGainStopping

EarlyStopping = Literal["gain", "promotion", "stopping", "none"]
"""What happens at rungs; "none": there is one rung, the full training."""


def make_scheduler_and_sampler(
    distributions: Mapping[str, Any],
    directions: Sequence[Literal["maximize", "minimize"]],
    rungs: Sequence[int],
    sampler: str = FRONT,
    early_stopping: EarlyStopping = "gain",
    eta: int = 3,
    seed: int = 0,
    scales: Sequence[Scale] | None = None,
    uninformative_from: Sequence[float] | None = None,
    known_objectives: Sequence[int] = (),
    costs: CostFunction | None = None,
    limits: Mapping[int, float] | None = None,
    variant_parameter: str | None = None,
    epoch_cost: EpochCost | None = None,
    initial_trainings: int | None = None,
    parameter_scales: Mapping[str, Scale] | None = None,
    ancestry: Ancestry | None = None,
    unused: Callable[[Mapping[str, Any]], Collection[str]] | None = None,
    first: Sequence[Sequence[Mapping[str, Any]]] = (),
    best_values: Mapping[int, float] | None = None,
) -> tuple[Scheduler, Sampler]:
    """Makes the scheduler and the sampler of a search. Every record must be given to the sampler first, then to the scheduler.

    Args:
        distributions: parameter to Optuna distribution.
        directions: of each objective.
        rungs: epochs of each rung, rising; the last is a full training.
        sampler: its name.
        early_stopping: "gain" needs the sampler `front`; other samplers take "promotion" instead.
        eta: one in so many trials of a rung is promoted, or must be informative.
        seed: of the random numbers.
        scales: of each objective; None is linear for all.
        uninformative_from: see `studies.schedulers.asha.MOASHA`.
        known_objectives: positions of the objectives that are known before training; for the sampler `front`, as are all below.
        costs: computes these.
        limits: position to the highest allowed value, for some of these.
        variant_parameter: the parameter of which one training gives all values; None: there is none.
        epoch_cost: what an epoch of a training costs, such as its seconds where time is limited; None: the same for all.
        initial_trainings: most trainings of the initial design; None: as many as the rungs suggest.
        parameter_scales: parameter to the scale of its listed numbers; those of others are evenly spaced.
        ancestry: how much training each network inherits; None: all begin alike.
        unused: names of the parameters that have no effect beside the others; None: there are none.
        first: candidates to propose before all others, each in one or several forms, of which one is enough.
        best_values: position to the best value that an objective can have, such as 1 for an accuracy; None: none is known.

    Raises:
        UserError: an unknown sampler.
    """
    made: Sampler
    if sampler == FRONT:
        known = known_objectives, costs, limits, variant_parameter
        design = epoch_cost, initial_trainings, parameter_scales, ancestry
        known_well = {"unused": unused, "first": first, "best_values": best_values}
        made = FrontSampler(distributions, directions, seed, rungs, scales, *known, *design, **known_well)  # type: ignore[arg-type]
        if early_stopping in ("gain", "none"):
            return ExpectedGainStopping(rungs, made, uninformative_from, eta, epoch_cost is not None), made
    elif sampler in samplers:
        made = samplers[sampler](distributions, directions, seed, rungs)
    else:
        made = PerRungSampler(distributions, directions, sampler, seed, rungs)
    form: Literal["promotion", "stopping"] = "stopping" if early_stopping == "stopping" else "promotion"
    return MOASHA(rungs, eta, form, seed=seed, scales=scales, uninformative_from=uninformative_from), made
