"""The kinds of trials that charts tell apart, each with a shape and a colour of its own.

The colours have a contrast of 3:1 or more with white and with the page's dark background, and the shapes differ, so that nobody
needs the colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from studies.storage.outcomes import Failed, OverLimit, Running, Stopped, Suspended
from studies.storage.stored_trial import StoredTrial

BLUE, GREY, ORANGE, PURPLE, GREEN, RED = "#2f7fd1", "#8a8f98", "#d9730d", "#a35bd6", "#0e9f6e", "#dd4433"


@dataclass(frozen=True)
class Kind:
    """A kind of trials.

    Attributes:
        label: in the legend.
        symbol: shape of its points, as plotly calls it.
        colour: of its points.
        size: of its points, in pixels.
    """

    label: str
    symbol: str
    colour: str
    size: int

    @property
    def marker(self) -> dict[str, Any]:
        """Its points, as plotly describes them."""
        return {"symbol": self.symbol, "color": self.colour, "size": self.size, "line": {"width": 1.4, "color": self.colour}}


FRONT = Kind("on the front", "circle", BLUE, 11)
TESTED = Kind("on the front, test lines", "diamond-open", BLUE, 9)
DOMINATED = Kind("dominated", "square-open", GREY, 7)
UNREAD = Kind("does not read", "x-thin-open", GREY, 7)
STOPPED = Kind("stopped early", "triangle-down", ORANGE, 8)
SUSPENDED = Kind("suspended", "triangle-right", PURPLE, 9)
RUNNING = Kind("in training", "star", GREEN, 11)
OVER_LIMIT = Kind("over a limit", "x", RED, 8)
FAILED = Kind("failed", "asterisk-open", RED, 10)


def kind_of_unmeasured(trial: StoredTrial) -> Kind | None:
    """The kind of a trial that is no candidate; None for one that is not drawn: a refused one, or a duplicate."""
    match trial.outcome:
        case Stopped():
            return STOPPED
        case Suspended():
            return SUSPENDED
        case Running():
            return RUNNING
        case OverLimit():
            return OVER_LIMIT
        case Failed():
            return FAILED
        case _:
            return None
