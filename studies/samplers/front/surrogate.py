"""Surrogate: predicts the final objectives (mean, std) of observed and candidate configurations, and their EHVI.

Decisions:
- Trainings that were stopped, or are running, are on the front with their predicted values: what has been found need not be
  found again, even before it is trained to the end.
- What is running reduces the variance around it and moves no mean (fantasies), so that workers do not all try the same corner.
  Branin-Currin, four workers, five seeds: hypervolume 0.986 instead of 0.983, after three quarters of the time 0.984 and 0.979.
- Objectives known before training (costs) are exact where they were computed, and predicted from those elsewhere.
- In a large study only the `MAX_CONSIDERED` best trainings are considered, and a GP is fitted to at most `MAX_FITTED`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from studies.objectives.pareto import Array, Point, not_dominated
from studies.samplers.front.ancestry import Ancestry
from studies.samplers.front.encoding import Row, SpaceEncoder
from studies.samplers.front.feasibility import KnownCosts
from studies.samplers.front.fitted_trainings import MAX_FITTED, best_and_others, fitted_to, trainings_of
from studies.samplers.front.multi_fidelity_gp import HyperparameterCache, MultiFidelityGP, RungData
from studies.samplers.front.objective_scale import ObjectiveScale
from studies.samplers.front.observations import MAX_COMPARISONS, ObservationTable, domination_rate, evenly_spaced

MAX_CONSIDERED = 3000
"""Most trainings whose final values are predicted; the others are far from the front."""


class Surrogate:
    """Predictions from all observations.

    Args:
        encoder: of the space.
        rungs: epochs of each rung, rising.
        table: trainings that have reached a rung; values all minimised and on a linear scale.
        reached: row to rung to values there.
        costs: row to the values of the `known_objectives`, as far as they have been computed.
        known_objectives: positions of the objectives that are known before training.
        running: rows of running trainings that have reached no rung yet.
        caches: hyperparameters of earlier fits, one for each objective.
        ancestry: how much training each network inherits; None: all begin alike.
        variant_parameter: of which one training yields every value; None: there is none.
        infeasible: rows that yield no file, though they may have reached a rung: they are learnt from, and are on no front.
        lowest: the best value that each objective can have, minus infinity where none is known; None: for no objective.

    Attributes:
        ready: whether there is enough data to predict from; if not, no other method may be called.
        rows: (trainings, fields) those that have reached a rung and are considered.
        predicted: (trainings, objectives) predicted values of each when it is fully trained.
    """

    def __init__(
        self,
        encoder: SpaceEncoder,
        rungs: Sequence[int],
        table: ObservationTable,
        reached: Mapping[Row, Mapping[int, Point]],
        costs: KnownCosts,
        known_objectives: Sequence[int],
        running: Sequence[Row],
        caches: Sequence[HyperparameterCache],
        ancestry: Ancestry | None = None,
        variant_parameter: str | None = None,
        infeasible: Set[Row] = frozenset(),
        lowest: Sequence[float] | None = None,
    ) -> None:
        self._ancestry, self._lowest = ancestry, lowest
        inherited = [] if ancestry is None else [encoder.fields]  # the last input, a field of its own
        self._groups = np.append(encoder.groups, inherited).astype(np.int64)
        self._shared = np.append(encoder.columns_of(variant_parameter), [False for _ in inherited]).astype(bool)
        self._encoder, self._rungs, self._costs, self._known = encoder, tuple(rungs), costs, tuple(known_objectives)
        self._reached = [int((table.highest >= number).sum()) for number in range(len(rungs))]
        table = table.best(MAX_CONSIDERED)
        self._highest, self._values, self.rows = table.highest, table.values, table.matrix
        self._indices = {row: i for i, row in enumerate(table.rows)}
        self._feasible = np.array([row not in infeasible for row in table.rows], dtype=bool)
        self._points = self._inputs(self.rows, trained=True)
        self._fitted = fitted_to(order := table.ranked(), trainings_of(self._points, self._shared)[1])
        pending = self._inputs(_matrix(running, encoder), trained=True)
        self._models = [
            cost_surrogate(encoder, costs, self._known.index(k), cache)
            if k in self._known
            else self._model(k, cache, table.rows, order, reached, pending)
            for k, cache in enumerate(caches)
        ]
        self.ready = bool(self._feasible.any()) and all(model.fitted for model in self._models)
        if self.ready:
            self._predict_all(running)

    def _predict_all(self, running: Sequence[Row]) -> None:
        """Predicts all trainings and what is running, and their front."""
        every, objectives = np.arange(len(self.rows)), range(len(self._models))
        self.predicted = np.stack([self._final(k, every)[0] for k in objectives], axis=1)
        found = self.predict(_matrix(running, self._encoder))[0] if running else np.zeros((0, len(objectives)))
        self._all = np.concatenate([self.predicted[self._feasible], found])
        self._front = self._all[not_dominated(self._all)]
        self.extend_range(self._all)

    def front_rows(self) -> Array:
        """(n, fields) the rows on the front of the predictions, along its first objective."""
        predicted, rows = self.predicted[self._feasible], self.rows[self._feasible]
        front = np.flatnonzero(not_dominated(predicted))
        along: Array = rows[front[np.argsort(predicted[front, 0], kind="stable")]]
        return along

    def best_rows(self, least: int) -> Array:
        """(n, fields) the rows on the front of the predictions, and the next best if they are fewer than `least`."""
        front = self.front_rows()
        if len(front) >= least:
            return front
        rates, rows = self.domination_rates()[self._feasible], self.rows[self._feasible]
        known = set(map(tuple, front.tolist()))
        best = rows[np.argsort(rates, kind="stable")[: 2 * least]]
        others = [row for row in best if tuple(row.tolist()) not in known][: least - len(front)]
        found: Array = np.concatenate([front, np.array(others).reshape(-1, self._encoder.fields)])
        return found

    def can_finish(self, row: Row) -> bool:
        """Whether a training is among `rows` and not fully trained."""
        return row in self._indices and self._highest[self._indices[row]] < len(self._rungs) - 1

    def extend_range(self, values: Array) -> None:
        """Scales the objectives, and so sets the reference, by the range of all predictions and (n, objectives) values."""
        self._scale = ObjectiveScale.of(np.concatenate([self._all, values]), self._lowest)

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """(n, objectives) means and standard deviations of fully trained candidates, given as (n, fields) rows."""
        points, inputs = self._encoder.to_unit_cube(rows), self._inputs(rows)
        found = [model.predict(points if k in self._known else inputs) for k, model in enumerate(self._models)]
        means = np.stack([mean for mean, _ in found], axis=1)
        stds = np.sqrt(np.stack([variance for _, variance in found], axis=1))
        for i, row in enumerate(map(tuple, rows.tolist())):
            if row in self._costs:
                means[i, self._known], stds[i, self._known] = self._costs[row], 0.0
        return means, stds

    def expected_improvement(self, means: Array, stds: Array) -> Array:
        """(n,) EHVI over the front of everything begun, objectives scaled to the unit interval."""
        return self._scale.improvement(means, stds, self._front)

    def improvement_per_epoch(self, paused: Sequence[Row], resumed: Sequence[Row], new: Row) -> tuple[Array, float]:
        """EHVI over what is fully trained, per epoch left to train: of suspended trainings, and of a new one.

        Args:
            paused: n rows that wait at a rung and `can_finish`.
            resumed: rows on their way up from one, which count as fully trained.
            new: what would be started.

        Returns:
            (n,) for each of `paused`, and the value for `new`.
        """
        at = np.array([self._indices[row] for row in paused])
        finished = self._feasible & (self._highest == len(self._rungs) - 1)
        finished[[self._indices[row] for row in resumed if row in self._indices]] = True
        front = self.predicted[finished]
        front = front[not_dominated(front)]
        stds = np.sqrt(np.stack([self._final(k, at)[1] for k in range(len(self._models))], axis=1))
        epochs_left = self._rungs[-1] - np.array(self._rungs)[self._highest[at]]
        of_new = self._scale.improvement(*self.predict(np.array([new])), front)
        of_paused = self._scale.improvement(self.predicted[at], stds, front)
        return of_paused / epochs_left, float(of_new[0]) / self._rungs[-1]

    def improvement_rate(self, paused: Sequence[Row], resumed: Sequence[Row], new: Row) -> tuple[Array, float]:
        """EHVI over what has been reached so far, per epoch: the highest rate of all rungs that a training can be taken to.

        It is for searches in which each training counts with what it has reached, since their time may end before any ends.

        Args:
            paused, resumed, new: as for `improvement_per_epoch`; what is resumed counts with its prediction at its next rung.

        Returns:
            (n,) for each of `paused`, and the value for `new`.
        """
        front = self._values.copy()
        for row in resumed:
            if row in self._indices:
                i = self._indices[row]
                front[i] = self._until(np.array([i]), min(self._highest[i] + 1, len(self._rungs) - 1))[0][0]
        end, epochs = len(self._rungs) - 1, np.array((0, *self._rungs))
        new_at = [self._new_until(new, rung) for rung in range(end + 1)]
        scale = ObjectiveScale.of(np.concatenate([front, self.predicted, new_at[end][0]]), self._lowest)
        front = front[self._feasible]
        front = front[not_dominated(front)]
        at, rates, rate_of_new = np.array([self._indices[row] for row in paused]), np.zeros(len(paused)), 0.0
        for rung, (means, stds) in enumerate(new_at):
            rate_of_new = max(rate_of_new, float(scale.improvement(means, stds, front)[0]) / epochs[rung + 1])
            here = np.flatnonzero(self._highest[at] < rung)
            if len(here):
                found = scale.improvement(*self._until(at[here], rung), front)
                rates[here] = np.maximum(rates[here], found / (epochs[rung + 1] - epochs[self._highest[at[here]] + 1]))
        return rates, rate_of_new

    def _until(self, at: NDArray[np.int64], rung: int) -> tuple[Array, Array]:
        """(n, objectives) means and standard deviations of some observed trainings at a higher rung."""
        means, stds = self._values[at].copy(), np.zeros((len(at), len(self._models)))
        for k, model in enumerate(self._models):
            for reached in np.unique(self._highest[at]) if k not in self._known else ():
                here = np.flatnonzero(self._highest[at] == reached)
                mean, variance = model.predict_until(self._points[at[here]], int(reached), means[here, k], rung)
                means[here, k], stds[here, k] = mean, np.sqrt(variance)
        return means, stds

    def _new_until(self, row: Row, rung: int) -> tuple[Array, Array]:
        """(1, objectives) mean and standard deviation of a candidate at a rung."""
        means, stds = self.predict(np.array([row]))
        inputs = self._inputs(np.array([row]))
        for k, model in enumerate(self._models):
            if k not in self._known:
                mean, variance = model.predict_until(inputs, -1, np.zeros(1), rung)
                means[:, k], stds[:, k] = mean, np.sqrt(variance)
        return means, stds

    def domination_rates(self) -> Array:
        """(trainings,) fraction of the others predicted to dominate each: 0 on the front."""
        return domination_rate(self.predicted, self.predicted[evenly_spaced(len(self.predicted), MAX_COMPARISONS)])

    def _final(self, k: int, at: NDArray[np.int64]) -> tuple[Array, Array]:
        """(n,) means and variances of objective k of some observed trainings when they are fully trained."""
        mean, variance = self._values[at, k].copy(), np.zeros(len(at))
        for rung in range(len(self._rungs) - 1) if k not in self._known else ():
            here = np.flatnonzero(self._highest[at] == rung)
            if len(here):
                mean[here], variance[here] = self._models[k].predict_from(self._points[at[here]], rung, mean[here])
        return mean, variance

    def _model(
        self,
        k: int,
        cache: HyperparameterCache,
        rows: list[Row],
        order: NDArray[np.int64],
        reached: Mapping[Row, Mapping[int, Point]],
        pending: Array,
    ) -> MultiFidelityGP:
        fitted, data = self._fitted, []
        place = {int(at): i for i, at in enumerate(fitted)}
        for number, rung in enumerate(self._rungs):
            ordered = [at for at in order if int(at) in place and rung in reached[rows[at]]]
            if number == len(self._rungs) - 1:  # below it the variants of a training are one observation
                ordered = best_and_others(np.array(ordered, dtype=np.int64)).tolist()
            here, total = sorted(place[int(at)] for at in ordered), self._reached[number]
            data.append(RungData(here, [reached[rows[fitted[i]]][rung][k] for i in here], total))
        return MultiFidelityGP(np.concatenate([self._points[fitted], pending]), self._groups, data, cache, self._shared)

    def _inputs(self, rows: Array, trained: bool = False) -> Array:
        """(n, inputs) of (n, fields) rows for the regressions of what is learnt: their points and what they inherit.

        Args:
            rows: parameters.
            trained: whether they are of trainings, which have inherited something, and not of candidates.
        """
        points = self._encoder.to_unit_cube(rows)
        if self._ancestry is None:
            return points
        of, expected = self._ancestry.of, self._ancestry.expected()
        column = [of(self._encoder.decode(row)) if trained else expected for row in rows]
        return np.column_stack([points, np.array(column, dtype=float)])


def cost_surrogate(
    encoder: SpaceEncoder, costs: KnownCosts, index: int, cache: HyperparameterCache | None = None
) -> MultiFidelityGP:
    """Model of a cost, which does not change with training: one fidelity.

    Args:
        encoder: of the space.
        costs: row to costs.
        index: position of the cost among them.
        cache: hyperparameters of earlier fits.
    """
    rows = [costs.rows[i] for i in evenly_spaced(len(costs.rows), MAX_FITTED)]
    data = RungData(list(range(len(rows))), [costs[row][index] for row in rows], len(costs.rows))
    return MultiFidelityGP(encoder.to_unit_cube(_matrix(rows, encoder)), encoder.groups, [data], cache)


def _matrix(rows: Sequence[Row], encoder: SpaceEncoder) -> Array:
    return np.array(rows, dtype=float).reshape(len(rows), encoder.fields)
