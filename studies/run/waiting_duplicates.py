"""Open trials that duplicate a running training: another trial trains the architecture, or a precision variant of it."""

from __future__ import annotations

from collections.abc import Callable

from studies.run.precision_variants import PrecisionVariants
from studies.run.seen_architectures import Seen, SeenArchitectures
from studies.storage.outcomes import Duplicate, Failed, OverLimit, Running, Settled, Stopped
from studies.storage.stored_trial import StoredTrial


class WaitingDuplicates:
    """Keeps such trials open until the training has ended; a `TrialCallback`.

    Args:
        variants: of the study's space.
        seen: what has been met, up to date when a trial is closed.
        close: closes a trial, `TrialRecorder.close`.
    """

    def __init__(self, variants: PrecisionVariants, seen: SeenArchitectures, close: Callable[[StoredTrial], None]) -> None:
        self._variants, self._seen, self._close = variants, seen, close
        self._waiting: dict[int, tuple[StoredTrial, int]] = {}

    def __bool__(self) -> bool:
        """Returns whether any trial is kept open."""
        return bool(self._waiting)

    def put(self, trial: StoredTrial, of: int) -> None:
        """Keeps an open trial until trial `of` is closed."""
        self._waiting[trial.number] = (trial, of)

    def trial_closed(self, trial: StoredTrial) -> None:
        """Closes the trials that duplicate this one."""
        if not (trial.counts_against_budget and self._waiting) or trial.configuration is None:
            return
        trained = {trial.digest, *(other.digest for other in self._variants.of(trial.configuration))}
        for number, (waiting, of) in list(self._waiting.items()):
            if waiting.digest in trained and waiting.configuration is not None:
                del self._waiting[number]
                known = self._variants.known(waiting.configuration, self._seen)
                self._close(waiting.closed(_unfinished(of) if known is None else answer_from(known)))

    def abandon(self) -> None:
        """Closes the trials that are still open at the end of a search."""
        waiting, self._waiting = self._waiting, {}
        for trial, of in waiting.values():
            self._close(trial.closed(_unfinished(of)))


def answer_from(known: Seen) -> Duplicate:
    """The outcome of a trial whose architecture is known already."""
    number, result = known.number, known.outcome
    return _unfinished(number) if isinstance(result, Running) else Duplicate(number, _reason(number, result), result)


def _reason(number: int, result: Settled) -> str:
    match result:
        case Failed(reason):
            return f"equal to trial {number}, which failed: {reason}"
        case Stopped():
            return f"equal to trial {number}, which was stopped"
        case OverLimit(reason=reason):
            return reason
        case _:
            return f"equal to trial {number}"


def _unfinished(of: int) -> Duplicate:
    return Duplicate(of, f"trial {of}, the same training in this or another precision, was not finished")
