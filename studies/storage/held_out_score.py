"""What the file of a trial reads of the test lines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TestScore:
    """What a file reads of the test lines, which the search has never seen.

    Attributes:
        accuracy: share of lines read without an error, in [0, 1].
        cer: character error rate.
        lines: number of test lines.
        digest: of the test lines.
    """

    __test__ = False  # no class of tests, whatever pytest thinks of its name

    accuracy: float
    cer: float
    lines: int
    digest: str
