"""Searches of BoTorch that know what Paretext knows: the sizes before training, and that one training gives every precision.

Decisions:
- The error is a `SingleTaskGP` over the encoded parameters; known objectives are `GenericDeterministicModel`s.
- In a table every candidate is scored; in a continuous problem the acquisition function is optimised as in BoTorch's tutorials.
- Objectives are negated, since BoTorch maximises; bytes are logarithms, as in the hypervolume that is reported.
- The reference point is below everything observed. The one that BoTorch infers from the observed front leaves little to gain
  beyond the ends of that front: qLogNEHVI had 0.67 instead of 0.93 on Branin-Currin, and 0.985 instead of 0.996 on the table.

Sources: Daulton et al. 2021, arXiv 2105.08195 (qNEHVI); Ament et al. 2023, arXiv 2310.20708 (its logarithm);
Irshad et al. 2021, arXiv 2112.13901 (MOMF).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from optuna.distributions import CategoricalDistribution
from torch import Tensor

from benchmarks.search_efficiency.problems import Pair, Params, Problem
from benchmarks.search_efficiency.under_way import Run
from studies.schedulers.rungs import rungs_up_to

INITIAL_TRAININGS = 4
"""Trainings at random before the model is used. On the table of 96 trainings qLogNEHVI was further with 4 than with 8 at
54 epochs (seeds 0 and 1)."""
FIT_ITERATIONS = 100
"""Most L-BFGS-B iterations of a fit. Without a limit it takes hundreds of steps of ever smaller gains: tables have no noise."""
RESTARTS, RAW_SAMPLES = 4, 128
"""Starts of the optimisation of an acquisition function in a continuous problem, and random points they are chosen from."""


def qlognehvi(run: Run, seed: int) -> None:
    """qLogNEHVI and full trainings; the points of a batch are the precisions of one training."""
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement

    torch.manual_seed(seed)
    points, epochs = _Points(run.problem, [run.problem.epochs], seed), run.problem.epochs
    while run.open:
        run.proposals += 1
        acquisition = None
        if points.trainings >= INITIAL_TRAININGS:
            x, y = points.observed()
            x, y = x[:, :-1], y[:, :-1]  # every point is a full training
            acquisition = qLogNoisyExpectedHypervolumeImprovement(
                points.model(x, y), _reference(y), x, prune_baseline=True, cache_root=False
            )
        chosen = points.best(acquisition, with_epochs=False)
        if chosen is None:
            return
        _train(run, points, chosen[0], epochs)


def momf(run: Run, seed: int) -> None:
    """MOMF: a candidate and its epochs are chosen together, by the gain per epoch that is left to train.

    Epochs are those of the rungs, as a fraction of a full training; this fraction is the third objective, as in the paper.
    """
    from botorch.acquisition.multi_objective.multi_fidelity import MOMF
    from botorch.utils.multi_objective.box_decompositions.non_dominated import FastNondominatedPartitioning

    torch.manual_seed(seed)
    points = _Points(run.problem, rungs_up_to(run.problem.epochs), seed)
    while run.open:
        run.proposals += 1
        acquisition = None
        if points.trainings >= INITIAL_TRAININGS:
            x, y = points.observed()
            reference = torch.cat([_reference(y[:, :-1]), y.new_zeros(1)])
            partitioning = FastNondominatedPartitioning(reference, y)
            acquisition = MOMF(points.model(x, y), reference, partitioning, cost_call=points.epochs_left)
        chosen = points.best(acquisition)
        if chosen is None:
            return
        _train(run, points, *chosen)


def _train(run: Run, points: _Points, params: Params, until: int) -> None:
    """Trains, and adds what all precisions have at every rung until then: before the export their error is the same."""
    full = run.problem.epochs
    for rung in (rung for rung in points.rungs if rung <= until):
        points.add(params, rung, run.train(params, rung))
        for variant in run.problem.variants(params):
            if (variant_is_new := points.is_new(variant, rung)) and rung == full:
                points.add(variant, rung, run.add_variant(variant))
            elif variant_is_new:
                points.add(variant, rung, run.problem.at(variant, rung))


def _reference(y: Tensor) -> Tensor:
    """A tenth of the range below the worst observed values, of objectives to be maximised."""
    worst, best = y.amin(dim=0), y.amax(dim=0)
    return worst - 0.1 * (best - worst)


class _Points:
    """What was observed, encoded for a model, and the candidates that are left.

    Args:
        problem: what is searched.
        rungs: epochs after which a candidate may be observed, rising; the last is a full training.
        seed: of the random trainings at the start.
    """

    def __init__(self, problem: Problem, rungs: Sequence[int], seed: int) -> None:
        self.rungs = tuple(rungs)
        self._problem, self._random = problem, np.random.default_rng(seed)
        self._observed: dict[tuple[float, ...], tuple[float, ...]] = {}
        self._trained: dict[tuple[float, ...], int] = {}  # epochs by encoded parameters
        self._grid = _grid(problem)
        if self._grid is not None:
            self._rows = self._tensor([self._encode(params) for params in self._grid])

    @property
    def trainings(self) -> int:
        """Different parameters that were trained, precision aside."""
        return len(self._trained) // (1 + self._variant_count())

    def is_new(self, params: Params, rung: int) -> bool:
        """Whether nothing was observed there."""
        return (*self._encode(params), rung / self.rungs[-1]) not in self._observed

    def add(self, params: Params, rung: int, values: Pair) -> None:
        """Adds both objectives, to be minimised, of parameters at a rung."""
        row = self._encode(params)
        self._trained[row] = max(self._trained.get(row, 0), rung)
        self._observed[*row, rung / self.rungs[-1]] = (*self._to_maximize(values), rung / self.rungs[-1])

    def observed(self) -> tuple[Tensor, Tensor]:
        """(points, columns) parameters and the fraction of a full training; (points, 3) objectives and this fraction."""
        return self._tensor(list(self._observed)), self._tensor(list(self._observed.values()))

    def model(self, x: Tensor, y: Tensor) -> Any:
        """One model per objective; known objectives and the fraction of a full training are deterministic."""
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import ModelList, SingleTaskGP
        from botorch.models.deterministic import GenericDeterministicModel
        from gpytorch.mlls import ExactMarginalLogLikelihood

        models: list[Any] = []
        for k in range(2):
            if k in self._problem.known_objectives:
                models.append(GenericDeterministicModel(self._known(k)))
            else:
                models.append(SingleTaskGP(x, y[:, k : k + 1]))
                likelihood = ExactMarginalLogLikelihood(models[-1].likelihood, models[-1])
                fit_gpytorch_mll(likelihood, optimizer_kwargs={"options": {"maxiter": FIT_ITERATIONS}})
        if y.shape[1] > 2:
            models.append(GenericDeterministicModel(lambda points: points[..., -1:]))
        return ModelList(*models)

    def best(self, acquisition: Any | None, with_epochs: bool = True) -> tuple[Params, int] | None:
        """The parameters and the rung that an acquisition function prefers; None when everything is trained.

        Args:
            acquisition: None draws at random.
            with_epochs: whether the function takes the fraction of a full training as the last column.
        """
        if self._grid is None:
            return self._best_anywhere(acquisition, with_epochs)
        groups = [(group, rung) for group in self._groups() for rung in self.rungs if rung > self._epochs_of(group[0])]
        if not groups:
            return None
        if acquisition is None:
            group, rung = groups[self._random.integers(len(groups))]
            return self._grid[group[0]], rung
        batches = torch.stack([self._rows[list(group)] for group, _ in groups])
        if with_epochs:
            fractions = self._tensor([rung / self.rungs[-1] for _, rung in groups])
            batches = torch.cat([batches, fractions[:, None, None].expand(-1, batches.shape[1], 1)], dim=-1)
        with torch.no_grad():
            scores = torch.cat([acquisition(part) for part in batches.split(64)])
        group, rung = groups[int(scores.argmax())]
        return self._grid[group[0]], rung

    def epochs_left(self, points: Tensor) -> Tensor:
        """Epochs to train from the last checkpoint, for (..., q, columns) points; same shape but one column."""
        epochs = points[..., -1:] * self.rungs[-1]
        if self._grid is None:
            return epochs.clamp(min=1.0)
        done = self._tensor([self._epochs_of(i) for i in range(len(self._grid))])
        return (epochs - done[self._nearest(points[..., :-1])].unsqueeze(-1)).clamp(min=1.0)

    def _best_anywhere(self, acquisition: Any | None, with_epochs: bool) -> tuple[Params, int]:
        from botorch.optim import optimize_acqf

        names = list(self._problem.distributions)
        if acquisition is None:
            rung = self.rungs[self._random.integers(len(self.rungs))]
            return dict(zip(names, map(float, self._random.random(len(names))), strict=True)), rung
        columns = len(names) + with_epochs
        bounds = torch.stack([torch.zeros(columns, dtype=torch.double), torch.ones(columns, dtype=torch.double)])
        best, _ = optimize_acqf(acquisition, bounds, q=1, num_restarts=RESTARTS, raw_samples=RAW_SAMPLES)
        values = best[0].tolist()
        rung = next(rung for rung in self.rungs if rung >= values[-1] * self.rungs[-1]) if with_epochs else self.rungs[-1]
        return dict(zip(names, values[: len(names)], strict=True)), rung

    def _groups(self) -> list[tuple[int, ...]]:
        """Positions in the grid of all precisions of each training."""
        assert self._grid is not None
        groups: dict[tuple[Any, ...], list[int]] = {}
        for i, params in enumerate(self._grid):
            key = tuple(value for name, value in params.items() if name != self._problem.variant_parameter)
            groups.setdefault(key, []).append(i)
        return [tuple(group) for group in groups.values()]

    def _variant_count(self) -> int:
        name = self._problem.variant_parameter
        return 0 if name is None else len(self._problem.distributions[name].choices) - 1  # type: ignore[attr-defined]

    def _epochs_of(self, position: int) -> int:
        assert self._grid is not None
        return self._trained.get(self._encode(self._grid[position]), 0)

    def _known(self, objective: int) -> Callable[[Tensor], Tensor]:
        """A function of (..., columns) points that returns a known objective, (..., 1)."""
        assert self._grid is not None and self._problem.costs is not None
        position = self._problem.known_objectives.index(objective)
        costs = [self._problem.costs(params)[0][position] for params in self._grid]
        values = self._tensor([self._to_maximize((cost, cost))[objective] for cost in costs])
        return lambda points: values[self._nearest(points[..., : self._rows.shape[1]])].unsqueeze(-1)

    def _nearest(self, points: Tensor) -> Tensor:
        """Positions in the grid of (..., columns) points."""
        return torch.cdist(points.reshape(-1, points.shape[-1]), self._rows).argmin(-1).reshape(points.shape[:-1])

    def _to_maximize(self, values: Pair) -> tuple[float, ...]:
        scaled = (math.log(v) if scale == "log" else v for v, scale in zip(values, self._problem.scales, strict=True))
        return tuple(-value for value in scaled)

    def _encode(self, params: Params) -> tuple[float, ...]:
        """Numbers and continuous parameters in [0, 1], other categories one-hot."""
        row: list[float] = []
        for name, given in self._problem.distributions.items():
            if not isinstance(given, CategoricalDistribution):
                row.append((params[name] - given.low) / (given.high - given.low))  # type: ignore[attr-defined]
            elif all(isinstance(choice, int) and not isinstance(choice, bool) for choice in given.choices):
                row.append(sorted(given.choices).index(params[name]) / max(1, len(given.choices) - 1))  # type: ignore[type-var]
            else:
                row += [float(choice == params[name]) for choice in given.choices]
        return tuple(row)

    @staticmethod
    def _tensor(values: Any) -> Tensor:
        return torch.as_tensor(np.asarray(values), dtype=torch.double)


def _grid(problem: Problem) -> list[dict[str, Any]] | None:
    """All combinations of parameters; None for a continuous problem."""
    choices = [d.choices for d in problem.distributions.values() if isinstance(d, CategoricalDistribution)]
    if len(choices) < len(problem.distributions):
        return None
    return [dict(zip(problem.distributions, values, strict=True)) for values in itertools.product(*choices)]
