"""What a network inherited, as a value: shares by part, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search_space.architecture import Architecture

TRAINING_ONLY = "auxiliary"
"""The part that is not exported, and so does not count in the share."""


@dataclass(frozen=True)
class InheritedTensor:
    """A parameter of the child and how much of it was inherited.

    Attributes:
        name: in the state dict.
        entries: how many numbers it has.
        inherited: how many of them are the relative's.
        altered: whether it is in a block that has a shortcut in only one of the two networks, and so does something else.
    """

    name: str
    entries: int
    inherited: int
    altered: bool = False

    @property
    def counted(self) -> int:
        """How many of its numbers are the relative's and in a block that does what it did there."""
        return 0 if self.altered else self.inherited


@dataclass(frozen=True)
class InheritedPart:
    """A component of the child and how much of it was inherited; blocks with another shortcut do not count.

    Attributes:
        name: rectifier, backbone, neck, encoder, head or auxiliary.
        parameters: how many it has.
        inherited: how many of them are the relative's.
        tensors: how many parameter tensors it has.
        whole: tensors that were inherited as a whole.
        partly: tensors of which some entries were inherited.
    """

    name: str
    parameters: int
    inherited: int
    tensors: int
    whole: int
    partly: int

    @property
    def share(self) -> float:
        """Fraction of its parameters that are the relative's, in [0, 1]."""
        return self.inherited / self.parameters


@dataclass(frozen=True)
class Inheritance:
    """What a network inherited.

    Attributes:
        relative: the architecture of the relative.
        tensors: all parameters of the child, BatchNorm statistics left out.
    """

    relative: Architecture
    tensors: tuple[InheritedTensor, ...]

    @property
    def share(self) -> float:
        """Fraction of the child's parameters that are the relative's, in [0, 1].

        The auxiliary does not count, and what was copied into a block with another shortcut does not count as the relative's.
        """
        counted = [tensor for tensor in self.tensors if _part_of(tensor) != TRAINING_ONLY]
        return sum(tensor.counted for tensor in counted) / sum(tensor.entries for tensor in counted)

    @property
    def parts(self) -> tuple[InheritedPart, ...]:
        """The components of the child, in the order of its tensors."""
        names = dict.fromkeys(_part_of(tensor) for tensor in self.tensors)
        return tuple(_summed(name, [tensor for tensor in self.tensors if _part_of(tensor) == name]) for name in names)

    def as_dict(self) -> dict[str, Any]:
        """The digest of the relative, the share, and the share of each part; for records."""
        parts = {part.name: round(part.share, 4) for part in self.parts}
        return {"relative": self.relative.digest, "share": round(self.share, 4), "parts": parts}

    def table(self) -> str:
        """Formats a table with a row for each part and one for the whole network."""
        lines = [f"{100 * self.share:.1f} % of the parameters from {self.relative.describe()} ({self.relative.digest})"]
        lines.append(f"{'part':<10} {'parameters':>11} {'inherited':>10} {'tensors':>8} {'whole':>6} {'partly':>7}")
        lines += [
            f"{p.name:<10} {p.parameters:>11,} {100 * p.share:>8.1f} % {p.tensors:>8} {p.whole:>6} {p.partly:>7}"
            for p in self.parts
        ]
        return "\n".join(lines)


def _part_of(tensor: InheritedTensor) -> str:
    return tensor.name.partition(".")[0]


def _summed(name: str, tensors: Sequence[InheritedTensor]) -> InheritedPart:
    return InheritedPart(
        name,
        parameters=sum(tensor.entries for tensor in tensors),
        inherited=sum(tensor.counted for tensor in tensors),
        tensors=len(tensors),
        whole=sum(tensor.counted == tensor.entries for tensor in tensors),
        partly=sum(0 < tensor.counted < tensor.entries for tensor in tensors),
    )
