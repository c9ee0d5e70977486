"""A finding: something about some lines that a person should know, and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Fix = Literal["drop", "rewrite", "none"]


@dataclass(frozen=True)
class Finding:
    """Something about some lines.

    Attributes:
        kind: short name for scripts.
        title: what it is, in a few words.
        fix: what `--fix` does with the lines: `drop` them, `rewrite` their labels, or `none`.
        advice: what a person can do about it.
        lines: numbers of the lines among all that were listed.
        details: a remark for each of the lines, or for each character the finding is about.
        names: of what has no line number, because it never became a line.
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
        """How many lines (or files that never became one) it is about."""
        return len(self.lines) + len(self.names)

    def as_dict(self, line_names: Sequence[str]) -> dict[str, Any]:
        """For a script; lines by name."""
        return {
            "kind": self.kind,
            "title": self.title,
            "fix": self.fix,
            "advice": self.advice,
            "count": self.count,
            "lines": [line_names[i] for i in self.lines] + list(self.names),
            "details": list(self.details),
        }
