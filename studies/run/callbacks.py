"""The interface of callbacks for closed trials, and the order in which they are called.

`studies.run.trial_recorder.TrialRecorder.close` writes the outcome to the study, which is the record, and then calls

    1. SeenArchitectures     so that an equal architecture is not trained again
    2. StudyProgress         trials that count, results, the target
    3. Schedule              the sampler and the early-stopping rule learn from it
    4. CheckpointExports     what has been exported before its last epoch is not exported again
    5. TrackingCallback      a copy in MLflow (`studies.run.tracking_callback`)
    6. Observer              the log and the live table, so that only recorded results are shown
    7. WaitingDuplicates     closes the trials that duplicate this one
    8. ClearFiles            working files are removed last, when nothing needs them any more

A new callback is added to the list in `studies.run.assembly`, and nowhere else.
"""

from __future__ import annotations

from typing import Protocol

from studies.storage.stored_trial import StoredTrial


class TrialCallback(Protocol):
    """Called once for every trial that is closed, in the driver's thread."""

    def trial_closed(self, trial: StoredTrial) -> None:
        """The trial is closed in the study, with its outcome."""
