"""Replays of a recorded table where trainings cost different times: does it pay to count gains per second?

    python -m benchmarks.search_efficiency.limited_time [--table digits] [--forms counted ...] [--seeds 12] [--first-seed 0]
        [--out FILE]

A search may spend the time of 30 or of 90 average epochs. An epoch takes as long as the network has multiply-adds,
0.29 to 2.47 times the average (codes: 0.22 to 2.82). As in a study with a time limit, a training counts with what it reads
at each of its rungs.

ignored             the cost of an epoch is not known to the search
counted             as in a study: in the initial design, in resuming trainings and in the acquisition function
design and resuming not in the acquisition function
cooled              in the acquisition function with an exponent that falls from 1 to 0 while the time passes (Lee et al., 2020)

Source: cost cooling: Lee et al., Cost-aware Bayesian Optimization, 2020 (arXiv:2003.10870).
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.search_efficiency.halving import DIRECTIONS, train_from_rung_to_rung
from benchmarks.search_efficiency.problems import Pair, Params, recorded
from benchmarks.search_efficiency.record import TABLES
from benchmarks.search_efficiency.under_way import Run
from search_space import Architecture
from search_space.counting import flops
from search_space.recognizer import build_recognizer
from studies.samplers.front.sampler import FrontSampler
from studies.samplers.front.training_cost import EpochCost
from studies.schedulers.factory import make_scheduler_and_sampler
from studies.schedulers.rungs import rungs_up_to

BUDGETS = (30, 90)
FORMS = ("ignored", "counted", "design and resuming", "cooled")
FRACTIONS = (0.1, 0.25, 0.5, 0.75, 1.0)
CLASSES, HEIGHT_PX, WIDTH_PX = 11, 32, 160
"""Of the networks whose multiply-adds are counted: lines of digits. For codes the same: only ratios count."""


def costs_of_table(table: Path, fields: list[str]) -> dict[tuple[Any, ...], float]:
    """Fields of each architecture of a table to the cost of an epoch; the average is 1."""
    rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
    architectures = [Architecture.from_dict(row["architecture"]) for row in rows]
    counts = {
        tuple(getattr(a, name) for name in fields): flops(build_recognizer(a, CLASSES), HEIGHT_PX, WIDTH_PX).whole
        for a in architectures
    }
    average = mean(counts.values())
    return {key: count / average for key, count in counts.items()}


@dataclass
class TimedRun(Run):
    """One search under way, whose budget and `spent` are times.

    Attributes:
        costs: fields of an architecture to the time of an epoch.
    """

    costs: Mapping[tuple[Any, ...], float] = field(default_factory=dict)

    def cost(self, params: Params) -> float:
        """Time of an epoch; the average for a combination that is not in the table."""
        return self.costs.get(self._training(params), 1.0)

    def train(self, params: Params, until: int) -> Pair:
        """Both objectives after so many epochs; each precision of what has reached a rung counts."""
        training = self._training(params)
        self.spent += self.cost(params) * max(0, until - self.begun.get(training, 0))
        self.begun[training] = max(until, self.begun.get(training, 0))
        self.finished += [self.problem.at(variant, until) for variant in (params, *self.problem.variants(params))]
        self.history.append((self.spent, self.problem.volume(self.finished)))
        return self.problem.at(params, until)

    def add_variant(self, params: Params) -> Pair:
        """Both objectives of another precision of a full training, which `train` has counted."""
        return self.problem.at(params, self.problem.epochs)

    def _training(self, params: Params) -> tuple[Any, ...]:
        """The fields that decide the training."""
        return tuple(params[name] for name in self.problem.distributions if name != self.problem.variant_parameter)

    def volume_at(self, spent: float) -> float:
        """Hypervolume when so much had been spent."""
        return max((volume for at, volume in self.history if at <= spent), default=0.0)


def search(run: TimedRun, form: str, seed: int) -> None:
    """Runs Paretext's default search until the budget is spent."""
    problem = run.problem
    scheduler, sampler = make_scheduler_and_sampler(
        problem.distributions,
        DIRECTIONS,
        rungs_up_to(problem.epochs, 3),
        seed=seed,
        scales=problem.scales,
        uninformative_from=problem.uninformative_from,
        known_objectives=problem.known_objectives,
        costs=problem.costs,
        variant_parameter=problem.variant_parameter,
        epoch_cost=None if form == "ignored" else EpochCost(run.cost),
        best_values=problem.best_values,
    )
    assert isinstance(sampler, FrontSampler)
    if form == "design and resuming":
        _weigh(sampler, lambda: 0.0)
    elif form == "cooled":
        _weigh(sampler, lambda: max(0.0, 1.0 - run.spent / run.budget))
    train_from_rung_to_rung(run, scheduler, sampler, every_precision=True)


def _weigh(sampler: FrontSampler, exponent: Callable[[], float]) -> None:
    """Replaces the cost by which the acquisition function is divided by a power of it."""
    cost = sampler._cost
    cost.per_cost = lambda scores, rows: scores / cost.of(rows) ** exponent()  # type: ignore[method-assign]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=list(TABLES), default="digits")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON lines, one for each search")
    asked = parser.parse_args()
    table = TABLES[asked.table].file
    problem = recorded(table, lines=False)
    costs = costs_of_table(table, [name for name in problem.distributions if name != problem.variant_parameter])
    found: dict[tuple[int, str], list[list[float]]] = defaultdict(list)
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        for budget in BUDGETS:
            for form in asked.forms:
                run = TimedRun(problem, budget, costs=costs)
                search(run, form, seed)
                volumes = [run.volume_at(budget * fraction) for fraction in FRACTIONS]
                found[budget, form].append(volumes)
                if asked.out is not None:
                    row = {"seed": seed, "budget": budget, "form": form, "hypervolume": volumes}
                    with asked.out.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")
    print("| time | cost of an epoch | " + " | ".join(f"at {fraction:.0%}" for fraction in FRACTIONS) + " |")
    print("|---|---|" + "---|" * len(FRACTIONS))
    for (budget, form), rows in found.items():
        columns = list(zip(*rows, strict=True))
        cells = [f"{mean(c):.3f} ± {stdev(c) / len(c) ** 0.5 if len(c) > 1 else 0.0:.3f}" for c in columns]
        print(f"| {budget} | {form} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
