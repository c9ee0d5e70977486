"""Findings of a check: what is wrong or doubtful about some lines, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Fix = Literal["drop", "rewrite", "none"]


@dataclass(frozen=True)
class Finding:
    """A fault or a doubt about some lines.

    Attributes:
        kind: short name for scripts.
        title: description in a few words.
        fix: what `--fix` does: `drop` the lines, `rewrite` their labels, or `none`.
        advice: what the user can do.
        lines: indices of the lines in the report.
        details: a remark for each of the lines, or for each character that is concerned.
        names: names of files and rows that have no index, because they are not lines.
    """

    kind: str
    title: str
    fix: Fix
    advice: str
    lines: tuple[int, ...] = ()
    details: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of lines, or of files and rows that are not lines."""
        return len(self.lines) + len(self.names)

    def as_dict(self, line_names: Sequence[str]) -> dict[str, Any]:
        """The finding as values that JSON can hold, with the names of the lines."""
        return {
            "kind": self.kind,
            "title": self.title,
            "fix": self.fix,
            "advice": self.advice,
            "count": self.count,
            "lines": [line_names[i] for i in self.lines] + list(self.names),
            "details": list(self.details),
        }
