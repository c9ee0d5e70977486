"""What is written to MLflow of a study, and the names of the tags that say so.

`studies.registry.run_tracker` queues these records, `studies.registry.run_writer` writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studies.objectives.objective import Objective
from studies.registry.training_course import TrainingCourse
from studies.storage.front_point import FrontPoint
from studies.storage.held_out_score import TestScore

STUDY_TAG = "paretext.study"
KIND_TAG = "paretext.kind"
TRIAL_TAG = "paretext.trial"
STATE_TAG = "paretext.state"
"""Tag of a trial's run: name of its outcome, such as `stopped` (`studies.storage.outcomes`)."""
TEST_LINES_TAG = "paretext.test_lines"
"""Tag of a trial's run: number of test lines that its file has read."""
TEST_DIGEST_TAG = "paretext.test_digest"
"""Tag of a trial's run: digest of these lines; a score of the same lines is not written twice."""
FRONT_TAG = "paretext.front_digest"
"""Tag of a study's run: digest of the front that its artifacts show; the same front is not written twice."""
FILE_TAG = "paretext.sha256"
"""Tag of the run of a promotion: hash of the promoted file; the same file gets no second run."""
PARENT_TAG = "mlflow.parentRunId"
NOTE_TAG = "mlflow.note.content"
"""MLflow's tag for a description, which its pages show as Markdown."""
USER_TAG = "mlflow.user"
COMMIT_TAG = "mlflow.source.git.commit"
"""MLflow's tag for the git commit of the folder in which a search was started."""


@dataclass(frozen=True)
class ClosedTrial:
    """A closed trial that is to be written."""

    number: int
    params: dict[str, Any]
    metrics: dict[str, float]
    state: str
    model: Path | None
    tags: dict[str, str] = field(default_factory=dict)
    course: TrainingCourse = field(default_factory=TrainingCourse)


@dataclass(frozen=True)
class TestedTrial:
    """What a closed trial reads of the test lines; it is to be added to its run."""

    number: int
    score: TestScore


@dataclass(frozen=True)
class StudySettings:
    """The study's settings, which become params of the parent run, and the identity of its lines by input height.

    Attributes:
        params: flat.
        data: as `StudyStore.data_identity` returns it.
        live: whether a search runs the study now.
    """

    params: dict[str, Any]
    data: dict[str, Any] = field(default_factory=dict)
    live: bool = True


@dataclass(frozen=True)
class StudyFront:
    """The measured candidates of a study, oldest first, and what it searches for."""

    points: Sequence[FrontPoint]
    objectives: Sequence[Objective]


@dataclass(frozen=True)
class StudyEnd:
    """How the study ended.

    Attributes:
        status: MLflow's word.
        metrics: of the whole study.
        live: whether it ended just now; otherwise only a run that still says that it is running is closed.
    """

    status: str
    metrics: dict[str, float]
    live: bool = True


Job = ClosedTrial | TestedTrial | StudySettings | StudyFront | StudyEnd
