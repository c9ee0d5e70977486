"""The study that tests of views show has a trial of every fate, and files that read."""

from __future__ import annotations

from pathlib import Path

from studies.storage.outcomes import Measured, Outcome, Running
from studies.storage.pareto_front import load_front, load_points, load_store
from studies.workspace.paths import Workspace


def test_every_fate_of_a_trial_is_shown(shown: Workspace) -> None:
    trials = load_store(shown, "shown").stored_trials()
    fates = {type(trial.outcome) for trial in trials}
    assert fates == set(Outcome.__args__) - {Running}  # type: ignore[attr-defined]
    assert len(trials) >= 30


def test_the_front_is_one_of_trade_offs_that_was_also_read_on_the_test_lines(shown: Workspace) -> None:
    front = load_front(shown, "shown")
    assert len(front) >= 4 and len(load_points(shown, "shown")) > len(front)
    assert [p.accuracy for p in front] == sorted(p.accuracy for p in front) and front[-1].accuracy > 0.9
    for point in front:
        assert point.test_lines == 120 and point.test_accuracy is not None
        assert Path(point.model).stat().st_size == point.size_bytes


def test_trainings_leave_their_epochs(shown: Workspace) -> None:
    measured = [t for t in load_store(shown, "shown").stored_trials() if isinstance(t.outcome, Measured)]
    logs = [log.name for log in shown.epochs("shown").iterdir()]
    assert all(any(name.startswith(f"{trial.number:05d}-") for name in logs) for trial in measured)
