"""What is searched in a replay: the recorded table, and analytic problems with a fidelity from BoTorch.

Decisions:
- Two objectives, both minimised, of parameters after some epochs. The hypervolume is that of fully trained points, each
  objective stretched to [0, 1] by the lowest and the highest value that full training can reach, up to (1, 1).
- Bytes are compared by their logarithm there: from 100 to 200 KB is as far as from 1 to 2 MB.
- Proposals are made in the grid of the values that occur in the table. A combination that is not in it (a recording that
  was ended early) is answered by the row that differs least, counted in steps of the lists of choices.
- The analytic problems are BoTorch's own formulas; fidelity s is epoch / epochs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from benchmarks.search_efficiency.record import STORED, TABLES
from search_space import Architecture
from studies.objectives.pareto import Scale, hypervolume
from studies.run.schedule import UNINFORMATIVE_CER

TABLE, CODES_TABLE = TABLES["digits"].file, TABLES["codes"].file
FIRST_TABLE = TABLE.with_name("first_curves.jsonl")
"""Recorded earlier, of another grid."""
Params = Mapping[str, Any]
Pair = tuple[float, float]


@dataclass
class Problem:
    """A search with early results.

    Attributes:
        name: in tables and plots.
        epochs: of a full training.
        distributions: parameter to what it may be.
        seen: parameters and epoch to both objectives; at the last epoch what the file is worth.
        scales: of the objectives.
        low, high: of what full training reaches.
        best: hypervolume of everything, fully trained.
        known_objectives, costs: the objectives that are known before training, and their values; see
            `studies.samplers.front.sampler`.
        best_values: position to the best value that an objective can have, such as 0 for an error.
        variant_parameter: the parameter of which one training gives every value; None: there is none.
        uninformative_from: values from which on early results are uninformative, see `studies.schedulers.asha`.
    """

    name: str
    epochs: int
    distributions: dict[str, BaseDistribution]
    seen: Callable[[Params, int], Pair]
    scales: tuple[Scale, Scale]
    low: Pair
    high: Pair
    best: float = 1.0
    uninformative_from: tuple[float, float] | None = None
    variant_parameter: str | None = None
    known_objectives: tuple[int, ...] = ()
    costs: Callable[[Params], tuple[tuple[float, ...], bool]] | None = None
    best_values: dict[int, float] = field(default_factory=dict)
    _answers: dict[tuple[Any, ...], Pair] = field(default_factory=dict)

    def at(self, params: Params, epoch: int) -> Pair:
        """Both objectives, remembered."""
        key = (epoch, *(params[name] for name in self.distributions))
        if key not in self._answers:
            self._answers[key] = self.seen(params, epoch)
        return self._answers[key]

    def variants(self, params: Params) -> list[Params]:
        """The same training with every other value of the variant parameter."""
        if self.variant_parameter is None:
            return []
        name, distribution = self.variant_parameter, self.distributions[self.variant_parameter]
        return [{**params, name: other} for other in distribution.choices if other != params[name]]  # type: ignore[attr-defined]

    def scaled(self, point: Pair) -> Pair:
        """What every search minimises, as the hypervolume counts it: sizes are logarithms."""
        return tuple(_scaled(x, scale) for x, scale in zip(point, self.scales, strict=True))  # type: ignore[return-value]

    def unit(self, point: Pair) -> Pair:
        """In the unit square."""
        return tuple(  # type: ignore[return-value]
            (_scaled(x, s) - _scaled(a, s)) / (_scaled(b, s) - _scaled(a, s))
            for x, s, a, b in zip(point, self.scales, self.low, self.high, strict=True)
        )

    def volume(self, points: list[Pair]) -> float:
        """Hypervolume of fully trained points, as a fraction of the best."""
        return hypervolume([self.unit(p) for p in points], (1.0, 1.0)) / self.best


def _scaled(value: float, scale: Scale) -> float:
    return math.log(value) if scale == "log" else value


def recorded(table: Path = TABLE, lines: bool = True) -> Problem:
    """A table of real trainings; its grid is that of the values which occur in it.

    Args:
        table: its file.
        lines: whether the error of a full training is the fraction of lines misread, as in a study that searches for accuracy
            (whose rungs compare character errors, since early on no line is right); False: the character error rate.
    """
    rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
    architectures = [Architecture.from_dict(row["architecture"]) for row in rows]
    choices = {**_grid(architectures), "precision": STORED}
    known = {}
    for architecture, row in zip(architectures, rows, strict=True):
        for precision, file in row["files"].items():
            place = (*(getattr(architecture, name) for name in choices if name != "precision"), precision)
            end = 1.0 - file["accuracy"] if lines else file["cer"]
            known[place] = [(error, float(file["bytes"])) for error in (*row["cer"][:-1], end)]
    places = {name: {value: i for i, value in enumerate(values)} for name, values in choices.items()}

    def steps(row: tuple[Any, ...], wanted: tuple[Any, ...]) -> int:
        return sum(abs(places[name][a] - places[name][b]) for name, a, b in zip(choices, row, wanted, strict=True))

    def seen(params: Params, epoch: int) -> Pair:
        wanted = tuple(params[name] for name in choices)
        if wanted not in known:
            wanted = min(known, key=lambda row: steps(row, wanted))
        return known[wanted][epoch - 1]

    full = [curve[-1] for curve in known.values()]
    low, high = corners(full)
    distributions: dict[str, BaseDistribution] = {n: CategoricalDistribution(v) for n, v in choices.items()}
    problem = Problem(f"table of {len(known)} trained architectures", len(rows[0]["cer"]), distributions, seen,
                      ("linear", "log"), low, high)  # fmt: skip
    problem.best, problem.uninformative_from = problem.volume(full), (UNINFORMATIVE_CER, math.inf)
    problem.variant_parameter = "precision"
    problem.known_objectives, problem.costs = (1,), lambda params: ((seen(params, 1)[1],), True)
    problem.best_values = {0: 0.0}
    return problem


def _grid(architectures: Sequence[Architecture]) -> dict[str, tuple[Any, ...]]:
    """The fields in which architectures differ, with their values; numbers in their order."""
    met = {name: {a.as_dict()[name] for a in architectures} for name in architectures[0].as_dict()}
    return {name: tuple(sorted(values, key=lambda v: (str(type(v)), v))) for name, values in met.items() if len(values) > 1}


def analytic(name: str) -> Problem:
    """One of BoTorch's problems with two objectives and a fidelity."""
    import torch
    from botorch.test_functions import multi_objective_multi_fidelity as library

    function = getattr(library, name)()
    dims, epochs = function.dim - 1, 27

    def values(points: Any) -> Any:
        return function(torch.as_tensor(points, dtype=torch.double)).numpy()

    def seen(params: Params, epoch: int) -> Pair:
        first, second = values([[*(params[f"x{i}"] for i in range(dims)), epoch / epochs]])[0]
        return float(first), float(second)

    draws = np.random.default_rng(0).random((200_000, dims))
    full = [(float(a), float(b)) for a, b in values(np.column_stack([draws, np.ones(len(draws))]))]
    low, high = corners(full)
    distributions: dict[str, BaseDistribution] = {f"x{i}": FloatDistribution(0.0, 1.0) for i in range(dims)}
    problem = Problem(name, epochs, distributions, seen, ("linear", "linear"), low, high)
    problem.best = problem.volume(full)
    return problem


def corners(points: list[Pair]) -> tuple[Pair, Pair]:
    """The lowest and the highest value of each objective."""
    columns = list(zip(*points, strict=True))
    return (min(columns[0]), min(columns[1])), (max(columns[0]), max(columns[1]))


PROBLEMS: dict[str, Callable[[], Problem]] = {
    **({"table": recorded} if TABLE.exists() else {}),
    **({"codes_table": lambda: recorded(CODES_TABLE)} if CODES_TABLE.exists() else {}),
    "first_table": lambda: recorded(FIRST_TABLE, lines=False),
    "branin_currin": lambda: analytic("MOMFBraninCurrin"),
    "park": lambda: analytic("MOMFPark"),
}
