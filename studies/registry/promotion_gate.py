"""Decides whether a candidate may replace the champion of a registered model: both read the same lines.

Decisions:
- McNemar's test decides, on the lines that only one of the two reads without an error. A candidate passes if it is better, or
  if the lines do not tell the two apart and its file is not larger (by more than `SAME_SIZE`).
- A candidate that cannot write all characters that the champion writes is refused, because lines without these characters
  would not show the loss. Whoever names the lines (`--data`) says that they are what counts.
- What cannot be compared is refused: the lines or the file of the champion are gone, or it is not recorded what the lines were.
- The first champion has nothing to be compared with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from search_space.units import write_size
from studies.registry.compared_lines import ComparedLines
from trainers.base.errors import UserError, one_line
from trainers.base.right_lines import RightLines
from trainers.data.cache import Progress
from trainers.evaluation.measure import are_right, digest_of_lines, read_all
from trainers.evaluation.uncertainty import SIGNIFICANCE, interval_words, mcnemar_p, wilson_interval
from trainers.inference.reader import Reader

SAME_SIZE = 0.01
"""Share of the champion's bytes by which a file may be larger and count as equally large. A reader that was trained further has
its parent and some new characters in its metadata besides, which is less."""
SHOWN_CHARACTERS = 8
"""Characters that are named in a refusal."""


@dataclass(frozen=True)
class Comparison:
    """What two models read of the same lines.

    Attributes:
        version: version of the champion.
        origin: what the lines are called.
        lines: number of lines.
        digest: of the lines and their labels.
        accuracy: fraction of lines that the candidate reads without an error, in [0, 1].
        accuracy_low: lower end of its 95 % confidence interval.
        accuracy_high: upper end of that interval.
        champion_accuracy: that of the champion.
        only_candidate: lines that only the candidate reads without an error.
        only_champion: lines that only the champion does.
        p: p-value of McNemar's test.
        champion_bytes: size of the champion's file.
    """

    version: int
    origin: str
    lines: int
    digest: str
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    champion_accuracy: float
    only_candidate: int
    only_champion: int
    p: float
    champion_bytes: int


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate may become the champion.

    Attributes:
        passes: whether it may.
        reason: why or why not, as a clause whose subject is "it", the candidate.
        comparison: None if nothing was compared.
    """

    passes: bool
    reason: str
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Gate:
    """What is asked of a candidate, and what becomes of one that is refused.

    Attributes:
        lines: the lines to compare on; None if it is not recorded what the candidate was measured on.
        force: promote it whatever the verdict.
        challenger: register it under the alias `challenger` if it is refused.
        dry_run: decide, and change nothing.
        progress: called with (lines read, lines in total) while each of the two reads.
    """

    lines: ComparedLines | None
    force: bool = False
    challenger: bool = False
    dry_run: bool = False
    progress: Progress | None = None

    def judge(self, file: Path, version: int, champion_file: Callable[[], Path]) -> Verdict:
        """Compares a candidate with the champion.

        Args:
            file: the candidate's file.
            version: version of the champion.
            champion_file: returns the champion's file; it raises UserError if the file is missing or damaged.
        """
        unknown = f"it cannot be compared with version {version}"
        try:
            champion = champion_file()
            lost = set(Reader(champion).metadata.charset) - set(Reader(file).metadata.charset)
        except UserError as error:
            return Verdict(False, f"{unknown}: {_words(error)}")
        if lost and not (self.lines is not None and self.lines.named):
            shown = " ".join(sorted(lost)[:SHOWN_CHARACTERS]) + (" ..." if len(lost) > SHOWN_CHARACTERS else "")
            count = "a character" if len(lost) == 1 else f"{len(lost):,} characters"
            return Verdict(False, f"it cannot write {count} that version {version} writes: {shown}")
        if self.lines is None:
            return Verdict(False, f"{unknown}: the lines that it was measured on are not recorded")
        try:
            comparison = compare(file, champion, version, self.lines, self.progress)
        except (UserError, OSError) as error:
            return Verdict(False, f"{unknown}: its lines cannot be read ({_words(error)})")
        return _verdict(comparison, file.stat().st_size)


def compare(file: Path, champion: Path, version: int, lines: ComparedLines, progress: Progress | None = None) -> Comparison:
    """Reads the same lines with a candidate and with a champion.

    Args:
        file: the candidate's file.
        champion: the champion's file.
        version: version of the champion.
        lines: what to read.
        progress: called with (lines read, lines in total) while each of the two reads.

    Raises:
        UserError: a file or the lines cannot be read, or the lines are not the same at the two input heights.
    """
    ours, lines_read, origin = _right(file, lines, progress)
    theirs, _, _ = _right(champion, lines, progress)
    differences = ours.differences(theirs)
    if differences is None:
        raise UserError("some can be decoded only at the input height of one of the two models")
    count, right = ours.lines, sum(ours.unpacked())
    low, high = wilson_interval(right / count, count)
    return Comparison(
        version=version,
        origin=f"{count:,} {origin}",
        lines=count,
        digest=lines_read,
        accuracy=right / count,
        accuracy_low=low,
        accuracy_high=high,
        champion_accuracy=sum(theirs.unpacked()) / count,
        only_candidate=differences[0],
        only_champion=differences[1],
        p=mcnemar_p(*differences),
        champion_bytes=champion.stat().st_size,
    )


def _right(file: Path, lines: ComparedLines, progress: Progress | None) -> tuple[RightLines, str, str]:
    """Which lines a model reads without an error, the digest of the lines, and what to call them."""
    reader = Reader(file)
    opened, origin = lines.at(reader.metadata.height_px)
    digest = digest_of_lines(opened)
    readings = read_all(reader, opened, progress)
    return RightLines.of(digest, are_right(opened, readings)), digest, origin


def _verdict(found: Comparison, size_bytes: int) -> Verdict:
    """Whether a comparison lets a candidate of this size pass."""
    apart, better = found.p < SIGNIFICANCE, found.only_candidate > found.only_champion
    read = f"{found.accuracy:.1%} {interval_words(found.accuracy_low, found.accuracy_high)}"
    accuracies = f"{read} against {found.champion_accuracy:.1%} of {found.origin}, McNemar p = {found.p:.2g}"
    sizes = f"{write_size(size_bytes)} against {write_size(found.champion_bytes)}"
    if apart:
        word = "better" if better else "worse"
        return Verdict(better, f"it is {word} than version {found.version}: {accuracies}; {sizes}", found)
    passes = size_bytes <= (1 + SAME_SIZE) * found.champion_bytes
    size = "larger" if not passes else "smaller" if size_bytes < found.champion_bytes else "as large"
    return Verdict(passes, f"it is {size}, and not told apart from version {found.version}: {accuracies}; {sizes}", found)


def _words(error: Exception) -> str:
    """An error in one line."""
    return " ".join(str(error).split()) if isinstance(error, UserError) else one_line(error)
