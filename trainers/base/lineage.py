"""Where the initial weights of a network come from: its parent, the parents of that, and how long each was trained.

This module imports nothing but the standard library: the driver, files and records all show these values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MOST_ANCESTORS = 8
"""Most ancestors that are recorded, the newest ones: the count of epochs includes all, and older weights hardly matter."""

PLAIN_NOTE = "begins with"
"""Beginning of a note that only says what a network inherited; a note about a parent that cannot be read begins otherwise."""


@dataclass(frozen=True)
class Ancestor:
    """A trained network that others inherited from.

    Attributes:
        name: as records show it, such as "starter" or "trial 12".
        architecture: digest of its architecture; None if unknown.
        epochs: that it was trained, those of its own ancestors included.
        lines: training lines that were shown meanwhile, each time counted.
        sha256: hash of the file that its weights were read from; None if unknown.
    """

    name: str
    architecture: str | None
    epochs: int
    lines: int
    sha256: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The ancestor as values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Ancestor:
        """The ancestor that `as_dict` returned these values for."""
        return cls(
            name=str(values["name"]),
            architecture=values.get("architecture"),
            epochs=int(values["epochs"]),
            lines=int(values["lines"]),
            sha256=values.get("sha256"),
        )


@dataclass(frozen=True)
class Lineage:
    """What a network inherited when its training began.

    Attributes:
        share: fraction of its parameters that are its parent's, in [0, 1].
        ancestors: newest first; the first is the parent. At least one, at most `MOST_ANCESTORS`.
    """

    share: float
    ancestors: tuple[Ancestor, ...]

    @classmethod
    def of(cls, share: float, parent: Ancestor, before: tuple[Ancestor, ...] = ()) -> Lineage:
        """The lineage of a parent's child.

        Args:
            share: fraction of the child's parameters that are the parent's.
            parent: the network that it inherited from.
            before: ancestors of the parent, newest first.
        """
        return cls(round(share, 4), (parent, *before)[:MOST_ANCESTORS])

    @property
    def parent(self) -> Ancestor:
        """The network that was inherited from."""
        return self.ancestors[0]

    @property
    def epochs(self) -> int:
        """Epochs that all ancestors were trained."""
        return self.parent.epochs

    @property
    def lines(self) -> int:
        """Training lines that all ancestors were shown."""
        return self.parent.lines

    @property
    def scalars(self) -> dict[str, str | float]:
        """What records of a trial show: who the parent is, what share was inherited, and epochs of all ancestors."""
        return {"parent": self.parent.name, "inherited_share": self.share, "lineage_epochs": self.epochs}

    def as_dict(self) -> dict[str, Any]:
        """The lineage as values that JSON can hold."""
        return {"share": self.share, "ancestors": [ancestor.as_dict() for ancestor in self.ancestors]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Lineage:
        """The lineage that `as_dict` returned these values for.

        Raises:
            ValueError: it has no ancestor.
            KeyError: a value is missing.
        """
        ancestors = tuple(Ancestor.from_dict(each) for each in values["ancestors"])
        if not ancestors:
            raise ValueError("a lineage has at least a parent")
        return cls(float(values["share"]), ancestors)
