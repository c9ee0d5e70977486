"""Removes the working files of trials that are closed."""

from __future__ import annotations

from studies.run.seen_architectures import SeenArchitectures
from studies.storage.outcomes import Running
from studies.storage.stored_trial import StoredTrial
from studies.workspace.trial_files import TrialFiles


class ClearFiles:
    """Removes a trained trial's working files once it is closed; a `TrialCallback`. A suspended trial keeps its checkpoint.

    Args:
        files: of the study.
    """

    def __init__(self, files: TrialFiles) -> None:
        self._files = files

    def trial_closed(self, trial: StoredTrial) -> None:
        if trial.counts_against_budget and trial.digest is not None:
            self._files.clear(trial.number, trial.digest)


def clear_files_left(files: TrialFiles, seen: SeenArchitectures) -> None:
    """Removes what a run left that was killed right after it had closed a trial."""
    for digest in files.left():
        known = seen.get(digest)
        if known is not None and not isinstance(known.outcome, Running):
            files.clear(known.number, digest)
