"""Reads the test lines once, when a search ends, with the files on its front.

The accuracy of a file that was chosen among many is too good on the lines that it was chosen by. Nothing that chooses looks at
the test lines: what the front reads of them is only shown, and written to the study and to MLflow. It is not written into the
ONNX file, whose bytes have been measured by then (`studies.registry.model_card`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from studies.registry.tracker import Tracker
from studies.run.observer import Observer
from studies.storage.front_point import FrontPoint
from studies.storage.held_out_score import TestScore
from studies.storage.pareto_front import pareto_front, stored_points
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.data.dataset import LineDataset
from trainers.data.held_out import HeldOutLines, held_out_digest, open_held_out
from trainers.evaluation.measure import score_file

LONGEST_S = 6.0
"""Seconds that reading the test lines may take after a search whose time is up; the next run of the study reads the rest."""


def read_test_lines(
    store: StudyStore,
    workspace: Workspace,
    prepared: Mapping[int, LineDataset],
    observer: Observer,
    tracker: Tracker,
    longest_s: float | None = LONGEST_S,
) -> None:
    """Reads the test lines with every file on the front that has not read them yet, the most accurate first.

    Args:
        store: of the study.
        workspace: where its models are.
        prepared: the study's lines by input height; nothing is read where they have no test lines.
        observer: receives a line for what could not be read.
        tracker: receives all scores of the study, also those of earlier runs, which may not be written yet.
        longest_s: no further file is begun that is expected to end later than this; None reads all.
    """
    began, opened = time.monotonic(), dict[int, HeldOutLines | None]()
    for point in _not_read(store, workspace, prepared, observer):
        height_px = int(point.architecture["height_px"])
        try:
            if height_px not in opened:
                opened[height_px] = open_held_out(prepared[height_px], workspace.cache)
                _say_once(opened, height_px, observer)
            held_out = opened[height_px]
            if held_out is None:
                continue
            expected_s = len(held_out.lines) * point.latency_ms / 1000
            if longest_s is not None and time.monotonic() - began + expected_s > longest_s:
                continue
            score = score_file(Path(point.model), held_out.lines)
            store.add_test_score(point.trial, TestScore(score.accuracy, score.cer, score.lines, held_out.digest))
        except (UserError, OSError) as error:
            observer.note(f"the test lines could not be read with trial {point.trial}: {error}")
    for number, known in store.test_scores().items():
        tracker.log_test_score(number, known)


def _say_once(opened: Mapping[int, HeldOutLines | None], height_px: int, observer: Observer) -> None:
    """The notes about the test lines, which are the same at every height."""
    held_out = opened[height_px]
    for note in held_out.notes if held_out is not None and len(opened) == 1 else ():
        observer.note(note)


def _not_read(
    store: StudyStore, workspace: Workspace, prepared: Mapping[int, LineDataset], observer: Observer
) -> list[FrontPoint]:
    """The files on the front that have not read these test lines, the most accurate first; no test line is opened for it."""
    scores = store.test_scores()
    front = sorted(pareto_front(stored_points(store, workspace), store.objectives), key=lambda p: -p.accuracy)
    try:
        digests = {height_px: held_out_digest(dataset) for height_px, dataset in prepared.items()}
    except UserError as error:
        observer.note(f"the test lines could not be read: {error}")
        return []
    wanted = []
    for point in front:
        digest, known = digests.get(int(point.architecture["height_px"])), scores.get(point.trial)
        if digest is not None and (known is None or known.digest != digest):
            wanted.append(point)
    return wanted
