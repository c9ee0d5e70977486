"""The interface through which a search records its trials: `RunTracker` writes them to MLflow, `NoTracker` does nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from studies.objectives.objective import Objective
from studies.registry.training_course import TrainingCourse
from studies.storage.front_point import FrontPoint
from studies.storage.held_out_score import TestScore


class Tracker(Protocol):
    """Records a study and its trials in a user interface. Its methods may not raise: a tracker must never end a search."""

    def start(self, study_params: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> None:
        """Begins the record of a run. An earlier run of the study may have been recorded already.

        Args:
            study_params: the study with all defaults filled in, as nested tables.
            data: which lines it is measured on, by input height (`StudyStore.data_identity`); None if that is not known.
        """
        ...

    def log_trial(
        self,
        number: int,
        architecture: Mapping[str, Any] | None,
        measurement: Mapping[str, Any] | None,
        state: str,
        model: Path | None = None,
        tags: Mapping[str, Any] | None = None,
        course: TrainingCourse | None = None,
    ) -> None:
        """Records a closed trial. A resumed search sends every closed trial again.

        Args:
            number: the trial's number in the study.
            architecture: the fields of its architecture, and the recipe settings that the study searches, such as
                `recipe.learning_rate`; None if they are not known.
            measurement: the measurement of its exported file; None if nothing was measured.
            state: name of the trial's outcome (`studies.storage.outcomes`).
            model: the exported file; None if there is none.
            tags: further facts, such as the reason why it ended; entries with the value None are left out.
            course: where its epochs are on record, and when it began and ended; None if it had no training.
        """
        ...

    def log_test_score(self, number: int, score: TestScore) -> None:
        """Records what the file of a trial reads of the test lines. A resumed search sends every known score again.

        Args:
            number: the trial's number in the study; the trial has been sent before.
            score: what its file reads.
        """
        ...

    def log_front(self, points: Sequence[FrontPoint], objectives: Sequence[Objective]) -> None:
        """Records the front. A resumed search sends it again.

        Args:
            points: all measured candidates, oldest first.
            objectives: of the study.
        """
        ...

    def finish(self, state: Literal["complete", "stopped"] = "complete", *, wait_s: float = 120.0) -> None:
        """Ends the record of the run. It is also called if the search failed before `start`.

        Args:
            state: `complete` if the study reached its end, `stopped` if it was interrupted.
            wait_s: the longest time that this may take, in seconds.
        """
        ...


class NoTracker:
    """Records nothing."""

    def start(self, study_params: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> None: ...

    def log_trial(
        self,
        number: int,
        architecture: Mapping[str, Any] | None,
        measurement: Mapping[str, Any] | None,
        state: str,
        model: Path | None = None,
        tags: Mapping[str, Any] | None = None,
        course: TrainingCourse | None = None,
    ) -> None: ...

    def log_test_score(self, number: int, score: TestScore) -> None: ...

    def log_front(self, points: Sequence[FrontPoint], objectives: Sequence[Objective]) -> None: ...

    def finish(self, state: Literal["complete", "stopped"] = "complete", *, wait_s: float = 120.0) -> None: ...
