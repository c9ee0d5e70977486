"""What a study needs of a sampler: `studies.samplers.front` and `studies.samplers.optuna_based` implement it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

Params = Mapping[str, Any]
"""Value of every parameter, by name."""


class Sampler(Protocol):
    """Proposes parameters from what all trainings have reached so far.

    A sampler has no storage: when a study is resumed, the study's records are given to a new one, in any order.
    """

    def observe(self, params: Params, rung: int, values: Sequence[float]) -> None:
        """Adds what a training has reached at a rung; only the first time counts.

        Args:
            params: value of every parameter. Models from outside the space are ignored.
            rung: epochs, one of the rungs; the last rung is a full training.
            values: in the order and directions of the objectives; one that is not finite makes the parameters infeasible.

        Raises:
            ValueError: not a rung.
        """

    def add_infeasible(self, params: Params, violation: float = 1.0) -> None:
        """Adds parameters that may not train, or cannot.

        Args:
            params: value of every parameter.
            violation: by how much a limit is exceeded, above 0, in one unit for all (such as bytes / limit - 1).
        """

    def propose(self, running: Iterable[Params] = (), suspended: Iterable[Params] = ()) -> dict[str, Any]:
        """The next parameters to try: new ones, until a small space is used up.

        Args:
            running: parameters of running trainings.
            suspended: parameters of trainings that wait at a rung and may be resumed.
        """
