"""Fills what optuna-dashboard shows of a study: its note, the notes of its trials, and the plot of its front.

Decisions:
- Everything here can be written again from the trials (`catch_up`), so nothing depends on it and no search waits for it.
- A note of a trial is written once; its commands get the new name of a study that was renamed. The note of a study and the plot
  are written when the front has changed.
- What a person has changed in the browser stays: a note of the study that is not the one that was written last is left alone.
- optuna-dashboard keeps notes among the attributes of the study and reads all of them for every trial that it shows. So at most
  `MOST_NOTES` trials have one, and those on the front; what a note says is in the attributes of the trial, too.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optuna_dashboard import get_note, save_note, save_plotly_graph_object

from dashboards.views.board_notes import StudyState, study_note, trial_note
from dashboards.views.front_figure import MOST_OTHERS, ORDER, OtherTrial, front_figure
from dashboards.views.outcome_words import counted_as
from dashboards.views.report.kinds import DOMINATED, UNREAD, kind_of_unmeasured
from dashboards.views.trial_list import TrialRow
from studies.storage.pareto_front import current, pareto_front, points_of
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_attributes import read_value, write_value
from studies.storage.study_name import with_new_name
from studies.storage.trial_attributes import parse
from trainers.base.errors import UserError

if TYPE_CHECKING:
    from datetime import datetime

    from studies.definition.study import Study
    from studies.storage.front_point import FrontPoint
    from studies.storage.study_store import StudyStore
    from studies.workspace.paths import Workspace

MOST_NOTES = 200
"""Most trials that have a note because they ended; how long optuna-dashboard takes for them: `docs/dashboard.md`."""
BOARD_KEY = "paretext:board"
"""Key under which a study has which notes were written, with which name of it, and the digests of its note and its plot."""
PLOT_ID = "front"
"""ID of the plot, by which it is replaced."""


class Board:
    """The notes and the plot of one study.

    Args:
        store: the study.
        workspace: holds its files.
    """

    def __init__(self, store: StudyStore, workspace: Workspace) -> None:
        self._store, self._workspace = store, workspace
        self._study = _study_of(store)
        self._epochs, self._recipe = store.epochs, store.written_recipe
        self._objectives = None if self._study is None else self._study.objectives
        self._began: datetime | None = None  # when the first trial of the study did; no other study has this moment
        self._is_filled = False
        self._seen: set[int] = set()
        self._outcomes: Counter[str] = Counter()
        # all that read: one that is beaten comes on the front when a finish replaces the file that beats it
        self._points: list[FrontPoint] = []
        self._front: list[FrontPoint] = []
        self._others: deque[OtherTrial] = deque(maxlen=MOST_OTHERS)
        self._written: dict[str, Any] = read_value(store.optuna_study, BOARD_KEY) or {}

    @property
    def had_trials(self) -> bool:
        """Whether the study had a trial at the last call of `catch_up`."""
        return self._began is not None

    def catch_up(self) -> bool:
        """Writes what is missing, from all trials of the study.

        Returns:
            Whether that was done. It is not if another study may have this one's name by now, and in a SQLite file its ID: at
            the last call this one had no trial, or its first trial is gone. That study needs a board of its own.
        """
        trials = self._store.trials()
        began = trials[0].datetime_start if trials else None
        if self._is_filled and (began is None or began != self._began):
            return False
        self._is_filled, self._began = True, began
        self.add([parse(trial) for trial in trials if trial.number not in self._seen and trial.state.is_finished()])
        self.write_study()
        return True

    def add(self, trials: Iterable[StoredTrial]) -> None:
        """Takes closed trials in: writes their notes, and those of the study if the front has changed."""
        new = [_with_fields(trial) for trial in trials if trial.number not in self._seen]
        self._seen.update(trial.number for trial in new)
        self._outcomes.update(counted_as(trial.outcome) for trial in new)
        self._take_points(points_of(new, self._workspace, self._epochs, self._recipe))
        self._others.extend(other for trial in new if (other := _unfinished(trial)) is not None)
        before = {point.trial for point in self._front}
        self._front = pareto_front(self._points, self._objectives)
        now = {point.trial for point in self._front}
        back = now - before - {trial.number for trial in new}
        self._write_notes([*new, *(parse(trial) for trial in (self._store.trials() if back else ()) if trial.number in back)])
        if now != before:
            self.write_study()

    def write_study(self) -> None:
        """Writes the note of the study and the plot, each if it differs from the one that was written last."""
        optuna_study = self._store.optuna_study
        self._front = self._tested(self._front)
        state = StudyState(
            self._study,
            optuna_study.study_name,
            optuna_study._study_id,
            self._store.data_identity(),
            self._outcomes,
            self._front,
        )
        note, present = study_note(state), get_note(optuna_study)
        if note != present and (not present or _digest(present) == self._written.get("note")):
            self._remember(note=_digest(note))
            save_note(optuna_study, note)
        limit = None if self._study is None else self._study.limits.size_bytes
        figure = front_figure(optuna_study.study_name, self._front, self._besides_front(), limit)
        if (digest := _digest(figure.to_json())) != self._written.get("plot"):
            save_plotly_graph_object(optuna_study, figure, graph_object_id=PLOT_ID)
            self._remember(plot=digest)

    def _write_notes(self, trials: Iterable[StoredTrial]) -> None:
        """Writes the notes of trials that have none."""
        name, noted = self._store.optuna_study.study_name, list(self._written.get("noted", []))
        on_front = {point.trial for point in self._front}
        self._rename(noted, name)
        known, before = set(noted), len(noted)
        for trial in trials:
            if trial.number in known or (len(noted) >= MOST_NOTES and trial.number not in on_front):
                continue
            note = trial_note(name, trial, self._epochs)
            save_note(self._store.optuna_trial(trial.number), note)
            noted.append(trial.number)
        if len(noted) > before:
            self._remember(noted=noted, name=name)

    def _rename(self, noted: list[int], name: str) -> None:
        """Gives the commands in notes of trials the name of the study, if it was renamed since they were written."""
        before = self._written.get("name", name)
        if before == name:
            return
        for number in noted:
            trial = self._store.optuna_trial(number)
            if (renamed := with_new_name(note := get_note(trial), before, name)) != note:
                save_note(trial, renamed)
        self._remember(name=name)

    def _take_points(self, points: list[FrontPoint]) -> None:
        """Keeps the points of which the front is made, and of the others what the plot shows of them."""
        known = [*self._points, *points]
        self._points = [point for point in current(known) if point.reads]  # what a finish has replaced does not come back
        kept = {point.trial for point in self._points}
        self._others.extend(_beaten(point) for point in known if point.trial not in kept)

    def _besides_front(self) -> list[OtherTrial]:
        """What the plot shows besides the front, oldest first."""
        on_front = {point.trial for point in self._front}
        beaten = (_beaten(point) for point in self._points if point.trial not in on_front)
        return sorted([*self._others, *beaten], key=lambda other: other.trial)

    def _tested(self, front: list[FrontPoint]) -> list[FrontPoint]:
        """The front with what it reads of the test lines."""
        scores = self._store.test_scores()
        return [
            point
            if (score := scores.get(point.trial)) is None
            else replace(point, test_accuracy=score.accuracy, test_cer=score.cer, test_lines=score.lines)
            for point in front
        ]

    def _remember(self, **values: Any) -> None:
        self._written = {**self._written, **values}
        write_value(self._store.optuna_study, BOARD_KEY, self._written)


def _study_of(store: StudyStore) -> Study | None:
    """The study as it is stored; None when it needs a package that is not installed here."""
    try:
        return store.study
    except UserError:
        return None


def _with_fields(trial: StoredTrial) -> StoredTrial:
    """A trial of this process as one that was read back: with the fields of its architecture."""
    if trial.fields is not None or trial.architecture is None:
        return trial
    return replace(trial, fields=trial.architecture.as_dict())


def _beaten(point: FrontPoint) -> OtherTrial:
    """A measured file that is not on the front."""
    return OtherTrial(point.trial, point.size_bytes, point.accuracy, DOMINATED if point.reads else UNREAD)


def _unfinished(trial: StoredTrial) -> OtherTrial | None:
    """A trial that has read something and is no candidate; None for any other."""
    row = TrialRow.of(trial, None, on_front=False)
    size_bytes = row.size_bytes or row.estimated_bytes
    if trial.is_candidate or row.accuracy is None or size_bytes is None:
        return None
    kind = kind_of_unmeasured(trial)
    return OtherTrial(trial.number, size_bytes, row.accuracy, kind) if kind in ORDER else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
