"""MO-ASHA: examples computed by hand, cases in which other implementations differ, and properties."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.objectives.pareto import best_first, dominates, front_numbers
from studies.schedulers.asha import MOASHA
from studies.schedulers.decisions import Decision, Promotion
from studies.schedulers.rungs import rungs_up_to

CONTINUE, PAUSE, STOP, FINISHED = Decision.CONTINUE, Decision.PAUSE, Decision.STOP, Decision.FINISHED


def arrive(asha, trial, rung, objectives):
    asha.record(trial, rung, objectives)
    return asha.decide(trial, rung)


def test_stopping_by_hand():
    asha = MOASHA([1, 3, 9], eta=3, form="stopping")
    assert arrive(asha, 0, 1, (0.5, 100)) is CONTINUE  # the first continues
    assert arrive(asha, 1, 1, (0.6, 200)) is STOP  # dominated
    assert arrive(asha, 2, 1, (0.4, 90)) is CONTINUE  # dominates all
    assert arrive(asha, 3, 1, (0.45, 95)) is STOP  # second of four, and one in three continues
    assert arrive(asha, 4, 1, (0.7, 50)) is STOP  # on the front, but the net takes the lowest error first
    assert arrive(asha, 5, 1, (0.8, 10)) is CONTINUE  # n = 6, two continue: the lowest error and the farthest from it
    assert arrive(asha, 2, 3, (0.3, 90)) is CONTINUE
    assert arrive(asha, 2, 9, (0.2, 90)) is FINISHED


def test_promotion_by_hand():
    asha = MOASHA([1, 3, 9], eta=3)
    assert arrive(asha, 0, 1, (0.5, 100)) is CONTINUE  # the first continues at once
    assert arrive(asha, 1, 1, (0.4, 90)) is CONTINUE  # now the best of its rung
    assert arrive(asha, 2, 1, (0.6, 200)) is PAUSE
    assert asha.next_promotion() is None
    assert arrive(asha, 3, 1, (0.7, 50)) is PAUSE
    assert arrive(asha, 4, 1, (0.65, 60)) is PAUSE
    assert asha.next_promotion() is None  # five recorded: one may continue, and 1 has
    assert arrive(asha, 5, 1, (0.9, 300)) is PAUSE  # the sixth frees a place, not for itself
    assert asha.peek_promotion() == asha.peek_promotion() == Promotion(trial=3, rung=1, until=3)
    assert asha.next_promotion() == Promotion(trial=3, rung=1, until=3)
    assert asha.next_promotion() is None
    assert asha.next_promotion(force=True) == Promotion(trial=4, rung=1, until=3)


def test_the_highest_rung_is_promoted_first():
    asha = MOASHA([1, 3, 9], eta=2)
    for trial in range(4):
        asha.record(trial, 1, (0.5 + trial / 10, 100))
    asha.record(0, 3, (0.4, 100))
    assert asha.next_promotion() == Promotion(0, 3, 9)
    assert asha.next_promotion() == Promotion(1, 1, 3)


def test_the_share_is_taken_of_all_that_reached_a_rung_not_of_those_left():
    # NePS drops the promoted first and takes a third of the rest, so it promotes two more here and one more at almost
    # every arrival; three of nine have been promoted already, which is all that eta 3 allows
    asha = MOASHA([1, 3], eta=3)
    for trial in range(9):
        asha.record(trial, 1, (trial / 10, 100 + trial))
    assert [asha.next_promotion().trial for _ in range(3)] == [0, 1, 2]
    assert asha.next_promotion() is None
    asha.record(9, 1, (0.95, 999))
    asha.record(10, 1, (0.96, 999))
    assert asha.next_promotion() is None
    asha.record(11, 1, (0.97, 999))
    assert asha.next_promotion() == Promotion(3, 1, 3)


def test_a_newcomer_is_judged_by_its_own_rank():
    # Syne Tune reads the sorted positions as ranks: for these it has the newcomer (2, 2) first of three, and lets it continue
    asha = MOASHA([1, 3], eta=3, form="stopping")
    arrive(asha, 0, 1, (3, 3))
    arrive(asha, 1, 1, (1, 1))
    assert arrive(asha, 2, 1, (2, 2)) is STOP
    # ... and here the best newcomer gets the position of the worst trial, 2
    asha = MOASHA([1, 3], eta=3, form="stopping")
    for trial, value in enumerate([2.0, 2.5, 3.0, 1.0]):
        decision = arrive(asha, trial, 1, (value, value))
    assert decision is CONTINUE


def test_a_failed_trial_is_not_promoted_and_nothing_is_infinitely_good():
    asha = MOASHA([1, 3], eta=2)
    assert arrive(asha, 0, 1, (0.5, 100)) is CONTINUE
    assert arrive(asha, 1, 1, (math.nan, 100)) is PAUSE
    assert arrive(asha, 2, 1, (0.4, 120)) is CONTINUE
    assert arrive(asha, 3, 1, (0.45, 110)) is PAUSE
    asha.mark_promoted(3, 1)
    assert asha.next_promotion(force=True) == Promotion(1, 1, 3)


@pytest.mark.parametrize("form", ["promotion", "stopping"])
def test_a_rung_where_nothing_is_learnt_yet_stops_nobody(form):
    asha = MOASHA([1, 3, 9], eta=3, form=form, uninformative_from=(0.9, math.inf))
    held = PAUSE if form == "promotion" else STOP
    for trial in range(6):
        assert arrive(asha, trial, 1, (0.95 + trial / 1000, 100 + trial)) is CONTINUE
        assert asha.next_promotion() is None
    assert arrive(asha, 6, 1, (0.5, 80)) is CONTINUE  # one of seven reads, and two would continue: nothing is compared yet
    assert arrive(asha, 7, 1, (0.95, 300)) is CONTINUE
    assert arrive(asha, 8, 1, (0.6, 90)) is CONTINUE
    # three of ten read: from now on the rung compares; by promotion with those that read, and it is the third of three
    assert arrive(asha, 9, 1, (0.7, 95)) is (PAUSE if form == "promotion" else CONTINUE)
    assert arrive(asha, 10, 1, (0.97, 400)) is held
    assert arrive(asha, 0, 3, (0.4, 100)) is CONTINUE
    assert arrive(asha, 1, 3, (0.5, 101)) is held  # the next rung is informative


def test_one_in_eta_of_those_that_read_nothing_yet_continues_beside_those_that_read():
    asha = MOASHA([1, 3, 9], eta=3, uninformative_from=(0.9, math.inf))
    for trial in range(6):
        asha.record(trial, 1, (0.5 - trial / 100, 100 + trial))
    late = range(6, 12)
    for trial in late:
        asha.record(trial, 1, (1.0, 900 + trial))
    promoted = []
    while (promotion := asha.next_promotion()) is not None:
        promoted.append(promotion.trial)
    assert promoted == [5, 0, 6, 7], "a third of those that read, then a third of the others, oldest first"
    assert arrive(asha, 6, 3, (0.2, 906)) is CONTINUE  # it reads at the next rung, and is the first one there
    again = MOASHA([1, 3, 9], eta=3, uninformative_from=(0.9, math.inf))
    for trial in reversed(range(12)):
        again.record(trial, 1, (1.0, 900 + trial) if trial in late else (0.5 - trial / 100, 100 + trial))
    for trial in promoted:
        again.mark_promoted(trial, 1)
    assert again.next_promotion() is None and again.count(1) == 12
    assert again.next_promotion(force=True).trial in range(6)


def test_large_networks_that_begin_to_read_late_are_finished():
    """Sixty networks; the larger, the later they leave an error of 1 and the better they end."""

    def error(size, epoch):
        late = 8 * size
        return 1.0 if epoch <= late else (1 - size) / 2 + 0.5 * math.exp((late - epoch) / 3)

    asha, sizes = MOASHA([1, 3, 9, 27], eta=3, uninformative_from=(0.9, math.inf)), [(7 * n % 60 + 1) / 60 for n in range(60)]
    finished = []
    for trial in range(60):
        way = [(trial, 1)]
        while way:
            number, rung = way.pop()
            asha.record(number, rung, (error(sizes[number], rung), 100_000 * sizes[number]))
            decision = asha.decide(number, rung)
            if decision is CONTINUE:
                way.append((number, asha.next_rung(number, rung)))
            elif decision is FINISHED:
                finished.append(sizes[number])
            if not way and (promotion := asha.next_promotion()) is not None:
                way.append((promotion.trial, promotion.until))
    assert max(finished) > 0.7


def test_a_trial_is_not_judged_before_its_bracket_begins():
    asha = MOASHA([1, 3, 9], eta=3, brackets=3, seed=1)
    firsts = {asha.first_rung(trial) for trial in range(200)}
    assert firsts == {1, 3, 9}
    late = next(trial for trial in range(200) if asha.first_rung(trial) == 3)
    assert arrive(asha, late, 1, (9.0, 9.0)) is CONTINUE
    assert asha.count(1) == 0
    assert asha.next_rung(late, 1) == 3
    assert asha.next_rung(late, 3) == 9
    again = MOASHA([1, 3, 9], eta=3, brackets=3, seed=1)
    assert [asha.milestones(t) for t in range(200)] == [again.milestones(t) for t in range(200)]
    drawn = [asha.first_rung(trial) for trial in range(3000)]
    assert drawn.count(1) > 2 * drawn.count(3) > 3 * drawn.count(9) > 0  # e³ : e² : e


def test_faults_name_what_is_wrong():
    with pytest.raises(ValueError, match="rising"):
        MOASHA([3, 1])
    with pytest.raises(ValueError, match="eta"):
        MOASHA([1, 3], eta=1)
    with pytest.raises(ValueError, match="brackets"):
        MOASHA([1, 3], brackets=3)
    with pytest.raises(ValueError, match="2 epochs is not a rung; the rungs are 1, 3"):
        MOASHA([1, 3]).record(0, 2, (0.0, 0.0))


def test_rungs_of_a_training():
    assert rungs_up_to(27) == [1, 3, 9, 27]
    assert rungs_up_to(20) == [1, 3, 9, 20]
    assert rungs_up_to(10) == [1, 3, 10]
    assert rungs_up_to(1) == [1]
    assert rungs_up_to(16, eta=4) == [1, 4, 16]
    assert rungs_up_to(20, first=2) == [2, 6, 20]


objectives = st.tuples(st.floats(0, 1), st.integers(1_000, 5_000_000))
arrivals = st.lists(objectives, min_size=1, max_size=40)


@given(arrivals, st.integers(2, 4))
def test_of_a_rung_no_dominated_trial_is_promoted_before_a_non_dominated_one(points, eta):
    asha = MOASHA([1, 3], eta)
    for trial, point in enumerate(points):
        asha.record(trial, 1, point)
    numbers = front_numbers(points)
    order = []
    while (promotion := asha.next_promotion(force=True)) is not None:
        order.append(promotion.trial)
    assert [numbers[t] for t in order] == sorted(numbers)


@given(arrivals, objectives, st.integers(2, 4))
def test_a_non_dominated_newcomer_goes_before_the_dominated(points, newcomer, eta):
    asha = MOASHA([1, 3], eta)
    points = points[: len(points) - len(points) % eta] or [newcomer] * eta
    for trial, point in enumerate(points):
        asha.record(trial, 1, point)
        while asha.next_promotion() is not None:
            pass
    asha.record(len(points), 1, newcomer)
    if any(dominates(point, newcomer) for point in points):
        return
    everything = [*points, newcomer]
    while (promotion := asha.next_promotion(force=True)).trial != len(points):
        assert not any(dominates(point, everything[promotion.trial]) for point in everything)


@given(arrivals, st.integers(2, 4))
def test_exactly_the_first_of_the_order_are_promoted_at_every_moment(points, eta):
    asha, promoted = MOASHA([1, 3], eta), set()
    for trial, point in enumerate(points):
        asha.record(trial, 1, point)
        n = trial + 1
        first = set(best_first(points[:n], max(1, n // eta), scales=("linear", "log")))
        while (promotion := asha.next_promotion()) is not None:
            assert promotion.trial in first - promoted
            promoted.add(promotion.trial)
        assert first <= promoted


@given(arrivals, st.sampled_from(["promotion", "stopping"]), st.randoms())
def test_replaying_the_records_in_any_order_rebuilds_the_state(points, form, shuffler):
    asha, records = MOASHA([1, 3, 9], form=form), []
    for trial, (error, size) in enumerate(points):
        for rung in (1, 3, 9):
            records.append((trial, rung, (error / rung, size)))
            asha.record(*records[-1])
            if asha.decide(trial, rung) is not CONTINUE:
                break
    shuffler.shuffle(records)
    again = MOASHA([1, 3, 9], form=form)
    for record in [*records, *records]:
        again.record(*record)
    assert again.peek_promotion() == asha.peek_promotion()
    assert again.peek_promotion(force=True) == asha.peek_promotion(force=True)


@given(arrivals, st.sampled_from(["promotion", "stopping"]), st.sampled_from([1 / 1024, 1000.0]))
def test_decisions_do_not_depend_on_the_unit_of_bytes(points, form, factor):
    asha, scaled = MOASHA([1, 3], form=form), MOASHA([1, 3], form=form)
    for trial, (error, size) in enumerate(points):
        assert arrive(asha, trial, 1, (error, size)) is arrive(scaled, trial, 1, (error, size * factor))
