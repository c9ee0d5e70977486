"""What a search needs from whatever records its runs: `RunTracker` writes to MLflow, `NoTracker` records nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol


class Tracker(Protocol):
    """Records a study and its trials for people to browse. No method may raise: a fault of a tracker never ends a search."""

    def start(self, study_params: Mapping[str, Any]) -> None:
        """Begins a run of the study, which may have been recorded before.

        Args:
            study_params: the resolved study as nested tables.
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
    ) -> None:
        """Records a closed trial. A resumed search sends every closed trial again.

        Args:
            number: the trial's number in the study.
            architecture: its fields; None when they are not known.
            measurement: what was measured of its file; None when nothing was measured.
            state: the name of the trial's outcome (`studies.storage.outcomes`).
            model: the exported file.
            tags: further facts, such as the reason why it ended; None values count as absent.
        """
        ...

    def finish(self, state: Literal["complete", "stopped"] = "complete", *, wait_s: float = 120.0) -> None:
        """Ends the run of the study. It is also called when the search failed before `start`.

        Args:
            state: whether the study reached its end or was interrupted.
            wait_s: the longest time in seconds that this may take.
        """
        ...


class NoTracker:
    """Records nothing."""

    def start(self, study_params: Mapping[str, Any]) -> None: ...

    def log_trial(
        self,
        number: int,
        architecture: Mapping[str, Any] | None,
        measurement: Mapping[str, Any] | None,
        state: str,
        model: Path | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None: ...

    def finish(self, state: Literal["complete", "stopped"] = "complete", *, wait_s: float = 120.0) -> None: ...
