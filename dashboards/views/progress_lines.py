"""Shows a search as plain lines, without a terminal: a line when something has happened.

A training that pauses at a rung and goes on later is no news; the log of the study has it (`studies.run.study_log`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from dashboards.views.console import accuracy_words, percent
from dashboards.views.front_growth import FrontGrowth, values_in_words
from dashboards.views.outcome_words import outcome_words
from search_space import write_size
from studies.definition.configuration import Configuration
from studies.definition.durations import write_duration
from studies.objectives.catalog import DEFAULT, objectives_of
from studies.objectives.objective import Objective
from studies.run.observer import StudyFacts, Summary
from studies.storage.outcomes import CheckpointOf, PrecisionVariantOf
from studies.storage.stored_trial import StoredTrial

if TYPE_CHECKING:
    from trainers.base.candidate import Measurement
    from trainers.base.progress import EpochReport

QUIET_S = 10.0
"""Seconds without a line after which the progress of the preparation is shown."""
SIGN_OF_LIFE_S = 300.0
"""Seconds without a line after which the progress of a training is shown: services that run jobs end those that stay silent for
ten minutes."""
NAMED_SKIPPED = 5
"""Most skipped lines that are named; the others are counted."""


class ProgressLines:
    """An observer of a search that writes lines.

    Args:
        stream: where to write.

    Attributes:
        facts: what was known before the first trial; None until then.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last_s = time.monotonic()
        self.facts: StudyFacts | None = None
        self._finished = 0
        self._growth = FrontGrowth(objectives_of(DEFAULT))
        self._begun: set[int] = set()
        self._never_trained: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def note(self, text: str) -> None:
        self._line(text)

    def preparing(self, what: str, done: int, total: int) -> None:
        if done == total or time.monotonic() - self._last_s > QUIET_S:
            self._line(f"{what}: {done} of {total}")

    def study_started(self, facts: StudyFacts) -> None:
        self.facts = facts
        self._finished = facts.finished
        self._growth = FrontGrowth(facts.objectives)
        for measurement in facts.measured:
            self._growth.add(None, measurement, 0.0)
        for line in introduction(facts):
            self._line(line)

    def trial_started(self, number: int, configuration: Configuration, size_bytes: int) -> None:
        if number in self._begun:  # it was paused
            return
        self._begun.add(number)
        self._line(f"trial {number} starts: {configuration.describe()}, about {write_size(size_bytes)}")

    def trial_progress(self, number: int, report: EpochReport) -> None:
        if time.monotonic() - self._last_s > SIGN_OF_LIFE_S:
            lines = 0 if self.facts is None else self.facts.validation_lines
            words = f"accuracy {accuracy_words(report.accuracy, lines)}, CER {percent(report.cer)}"
            self._line(f"trial {number}: epoch {report.epoch} of {report.epochs}, {words}")

    def trial_lost(self, number: int, reason: str) -> None:
        self.note(f"trial {number}: {reason}; it resumes from its last checkpoint")

    def trial_paused(self, number: int, epoch: int) -> None: ...

    def trial_closed(self, trial: StoredTrial) -> None:
        words = outcome_words(trial.outcome)
        if not words.trained:
            self._never_trained[words.text] += 1
            return
        self._finished += trial.counts_against_budget
        if trial.measurement is not None:
            m = trial.measurement
            joined = trial.is_candidate and self._growth.add(trial.number, m, 0.0, trial.digest)
            accuracy = accuracy_words(m.accuracy, m.lines)
            result = f"accuracy {accuracy}, CER {percent(m.cer)}, {write_size(m.size_bytes)}, {m.latency_ms:.2f} ms"
            result += "" if m.reads else "; it does not read"
            result += f"; on the front, which has {len(self._growth.front)}" if joined else ""
        else:
            result = trial.reason
        total = self.facts.trials if self.facts else None
        if isinstance(trial.outcome, PrecisionVariantOf | CheckpointOf):
            self._line(f"trial {trial.number}: {trial.reason}: {result}")
            return
        count = self._finished if total is None else f"{self._finished} of {total}"
        self._line(f"trial {trial.number} {words.text} ({count}): {result}")

    def study_finished(self, summary: Summary) -> None:
        if self._never_trained:
            self._line(f"not trained: {count_states(self._never_trained)}")
        self._line(conclusion(summary, [m for _, m in self._growth.measured], self._growth.objectives))

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)
        self._last_s = time.monotonic()


INHERITS = {
    "never": "",
    "always": ", or with those of earlier trainings of the study where these are worth more",
    "end": ", in the last quarter also with those of earlier trainings of the study",
}
"""Words for each value of `search.inherit`."""


def introduction(facts: StudyFacts) -> list[str]:
    """The lines before the first trial."""
    lines = []
    if facts.resumed:
        done = facts.finished if facts.trials is None else f"{facts.finished} of {facts.trials}"
        lines.append(f"study '{facts.name}' resumes: {done} trials are done")
    else:
        many = "as many trials as the time allows" if facts.trials is None else f"{facts.trials} trials"
        lines.append(f"study '{facts.name}': {many}, of up to {facts.epochs} epochs, {facts.workers} at a time")
    limit = "" if facts.size_limit_bytes is None else f"; no file over {write_size(facts.size_limit_bytes)}"
    learn = f"{facts.training_lines:,} training lines and {facts.validation_lines:,} validation lines"
    lines.append(f"{learn}, {facts.symbols:,} symbols{limit}")
    if facts.begin != "random" or facts.inherit != "never":
        lines.append(_beginning(facts))
    if facts.skipped:
        lines.append(f"{len(facts.skipped):,} lines are left out:")
        lines += [f"  {reason}" for reason in facts.skipped[:NAMED_SKIPPED]]
        more = len(facts.skipped) - NAMED_SKIPPED
        lines += [f"  and {more:,} more ('paretext data' lists them)"] if more > 0 else []
    return lines


def conclusion(
    summary: Summary, candidates: Sequence[Measurement] = (), objectives: Sequence[Objective] = objectives_of(DEFAULT)
) -> str:
    """The last line: why the search ended, how many trials are done, and the best file.

    Args:
        summary: of the run.
        candidates: what the study has measured.
        objectives: of the study; the first says which is the best.
    """
    done = f"{summary.finished}" if summary.trials is None else f"{summary.finished} of {summary.trials}"
    words = f"{summary.reason}: {done} trials, {write_duration(summary.seconds)}"
    growth = FrontGrowth(objectives)
    for candidate in candidates:
        growth.add(None, candidate, 0.0)
    best = growth.best()
    return words if best is None else f"{words}; best {values_in_words(best[1], objectives)}"


def count_states(states: Counter[str]) -> str:
    """Counts as text: `3 over a limit, 1 duplicate`."""
    return ", ".join(f"{number} {state}" for state, number in states.most_common())


def _beginning(facts: StudyFacts) -> str:
    """What new networks begin with, and how to have random weights."""
    named = {"starter": "the starter weights of the package", "random": "random weights"}
    weights = named.get(facts.begin, f"the weights of {facts.begin}")
    changed = [] if facts.begin == "random" else ["--begin random"]
    changed += [] if facts.inherit == "never" else ["--inherit never"]
    return f"new networks begin with {weights}{INHERITS[facts.inherit]} ({' '.join(changed)}: with random ones)"
