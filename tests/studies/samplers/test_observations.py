"""Observations as arrays: independent of the order in which they arrive, and stable when new ones arrive."""

import random

import numpy as np
import pytest

from studies.samplers.front.observations import Observations, ObservationTable, domination_rate, evenly_spaced

RUNGS = (1, 3, 9)


def drawn(count, seed=0):
    """Observations of trainings that have reached up to three rungs."""
    by = random.Random(seed)
    rows = {(float(by.randrange(40)), float(by.randrange(40)), float(by.randrange(3))) for _ in range(count)}
    return [
        (row, rung, (by.random() / rung, by.random())) for row in sorted(rows) for rung in RUNGS[: by.choice((1, 1, 1, 2, 3))]
    ]


def kept(records, pieces=1):
    """The table after records came in pieces."""
    all_of = Observations(3, 2, RUNGS)
    for piece in np.array_split(np.arange(len(records)), pieces):
        for i in piece:
            all_of.add(*records[i])
        table = all_of.table()
    return table


def same(a: ObservationTable, b: ObservationTable):
    return a.rows == b.rows and all(
        np.array_equal(x, y) for x, y in ((a.matrix, b.matrix), (a.highest, b.highest), (a.values, b.values))
    )


@pytest.mark.parametrize("seed", range(4))
def test_order_and_pieces_do_not_matter(seed):
    records = drawn(60, seed)
    mixed = records + records[:10]
    random.Random(seed).shuffle(mixed)
    by_row = {}
    for row, rung, point in mixed:
        by_row.setdefault(row, {}).setdefault(rung, point)
    whole = kept(mixed)
    assert same(whole, kept(mixed, pieces=9))
    assert whole.rows == sorted(by_row)
    for row, number, values in zip(whole.rows, whole.highest, whole.values, strict=True):
        assert RUNGS[number] == max(by_row[row])
        assert tuple(values) == by_row[row][max(by_row[row])]


def test_the_first_value_of_a_rung_counts():
    records = Observations(1, 2, RUNGS)
    records.add((0.0,), 1, (1.0, 1.0))
    records.add((0.0,), 1, (0.0, 0.0))
    assert records.table().values.tolist() == [[1.0, 1.0]]


def test_more_can_be_laid_over_a_table_and_leaves_it_as_it_was():
    table = kept(drawn(30))
    known, highest = table.rows[5], table.highest.copy()
    over = table.merged({known: {9: (0.0, 0.0)}, (99.0, 0.0, 0.0): {1: (0.5, 0.5)}}, RUNGS)
    assert over.rows == [*table.rows, (99.0, 0.0, 0.0)] and over.highest[5] == 2 and over.values[5].tolist() == [0.0, 0.0]
    assert np.array_equal(table.highest, highest) and len(table.rows) == len(over.rows) - 1


def test_the_best_got_far_and_are_dominated_by_few():
    table = kept(drawn(120))
    best = table.best(25)
    assert best.rows == sorted(best.rows) and len(best.rows) == 25
    out = [i for i, row in enumerate(table.rows) if row not in set(best.rows)]
    reached = int(best.highest.min())
    assert all(table.highest[i] <= reached for i in out)
    here = np.flatnonzero(table.highest == reached)
    shares = dict(zip(here, domination_rate(table.values[here], table.values[here]), strict=True))
    chosen = [shares[table.rows.index(row)] for row, d in zip(best.rows, best.highest, strict=True) if d == reached]
    assert max(chosen) <= min(shares[i] for i in out if table.highest[i] == reached)


def test_a_newcomer_leaves_the_best_of_thousands_as_they_are_but_for_itself():
    by = np.random.default_rng(0)
    rows = by.integers(0, 50, size=(3000, 4)).astype(float)
    values = by.random((3000, 2))
    records = Observations(4, 2, RUNGS)
    before, changes = None, []
    for row, value in zip(map(tuple, rows.tolist()), map(tuple, values.tolist()), strict=True):
        records.add(row, 1, value)
        if len(records.reached) > 2950:
            best = set(records.table().best(100).rows)
            changes.append(len(best - before) if before else 0)
            before = best
    assert np.mean(changes) < 1, "one in thirty is among the best, and may push one out"


def test_evenly_and_dominated():
    assert (
        evenly_spaced(0, 3).tolist() == []
        and evenly_spaced(3, 9).tolist() == [0, 1, 2]
        and evenly_spaced(9, 3).tolist() == [0, 4, 8]
    )
    points = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    assert domination_rate(points, points).tolist() == [0.0, 2 / 3, 1 / 3]
