"""The record of a published model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Published:
    """A known model and the numbers that its authors give.

    Attributes:
        fields: the architecture's fields that differ from their defaults.
        accuracy: fraction of lines read without an error, in [0, 1], on the authors' own test images; None if not comparable.
        allocated_mib: weights and program on disk, MiB; None if not given.
        logged_parameters: weights and BatchNorm statistics in the authors' log, after pruning if it was pruned.
        built_parameters: the same of the network as we build it: before pruning, and without blocks that never reach the
            output. None where no log says.
        epochs: length of the training behind the accuracy; None if not given.
        note: what a reader of the numbers has to know.
    """

    fields: Mapping[str, str | int] = field(default_factory=dict)
    accuracy: float | None = None
    allocated_mib: float | None = None
    logged_parameters: int | None = None
    built_parameters: int | None = None
    epochs: int | None = None
    note: str = ""
