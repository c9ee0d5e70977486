"""What becomes of a proposal: it trains, it is closed, or it waits for the training that it duplicates."""

from __future__ import annotations

from typing import assert_never

from studies.run.judged import Answered, AwaitsOther, Judgement, Ready
from studies.run.trial_recorder import TrialRecorder
from studies.run.waiting_duplicates import WaitingDuplicates


def ready_of(judged: Judgement | None, recorder: TrialRecorder, duplicates: WaitingDuplicates) -> Ready | None:
    """Returns the trial if it may train; otherwise closes it, or keeps it until the training that it duplicates ends.

    Args:
        judged: the proposal; None for an architecture that has been met already.
        recorder: closes it.
        duplicates: keeps it open.
    """
    match judged:
        case None:
            return None
        case Ready():
            return judged
        case Answered(trial):
            recorder.close(trial)
        case AwaitsOther(trial, of):
            duplicates.put(trial, of)
        case _:
            assert_never(judged)
    return None
