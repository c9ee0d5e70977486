"""Whether an architecture, or its trained file, exceeds a limit of the study, and by how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_space import Architecture, RefusedArchitecture, write_size
from search_space.space import Choice, SearchSpace
from search_space.units import write_count
from studies.objectives.costs import LATENCY_MARGIN, CostModel

if TYPE_CHECKING:
    from trainers.base.candidate import Measurement

LIMIT_NAMES = {"size_bytes": "size", "parameters": "parameters", "flops": "flops", "latency_ms": "latency"}
"""Cost to the name that its limit has in study files."""
_FORMATS: dict[str, Callable[[Any], str]] = {
    "size_bytes": write_size,
    "parameters": lambda n: f"{write_count(n)} weights",
    "flops": lambda n: f"{write_count(n)} FLOPs",
    "latency_ms": lambda ms: f"{ms:.3g} ms",
}
"""Cost to how a value of it is written in messages."""


def write_cost(metric: str, value: float) -> str:
    """Formats a cost with its unit.

    Args:
        metric: `size_bytes`, `parameters`, `flops` or `latency_ms`.
        value: of that cost.
    """
    return _FORMATS[metric](value)


@dataclass(frozen=True)
class Excess:
    """A limit that is exceeded.

    Attributes:
        reason: the reason as a sentence.
        violation: value / limit - 1, above 0: the same unit for all limits, so that samplers can compare violations.
    """

    reason: str
    violation: float


def excess_before_training(architecture: Architecture, costs: CostModel, limits: Mapping[str, float]) -> Excess | None:
    """The limit that an architecture exceeds, as far as that is known before training; None if it exceeds none.

    Args:
        architecture: what would be trained.
        costs: computes its costs; latency only if no other limit is exceeded, and not that of a network that will be pruned,
            which is a rough estimate.
        limits: cost to the most that is allowed.

    Raises:
        RefusedArchitecture: it cannot be built.
    """
    known = costs.without_latency(architecture)
    found = _first({name: getattr(known, name) for name in limits}, limits)
    if found is None and "latency_ms" in limits and not architecture.prune_percent:
        return _first({"latency_ms": costs(architecture).latency_ms}, limits, LATENCY_MARGIN)
    return found


def excess_of(measurement: Measurement, limits: Mapping[str, float]) -> Excess | None:
    """The limit that a trained file exceeds; None if it exceeds none."""
    return _first({name: getattr(measurement, name) for name in limits}, limits)


def smallest_cost(space: SearchSpace, cost: Callable[[Architecture], int]) -> int:
    """The smallest cost found in a space by a coordinate search: one field after the other, all fields twice.

    Args:
        space: what may be chosen.
        cost: of an architecture.

    Raises:
        RefusedArchitecture: no combination that was looked at can be built.
    """
    picked: dict[str, Choice] = {field: values[0] for field, values in space.choices.items()}
    best: int | None = None
    refusal: RefusedArchitecture | None = None
    for name in 2 * space.open_fields or [next(iter(space.choices), "backbone")]:
        for value in space.choices.get(name, (Architecture().as_dict()[name],)):
            try:
                found = cost(Architecture.from_dict(picked | {name: value}))
            except RefusedArchitecture as refused:
                refusal = refused
                continue
            if best is None or found < best:
                best, picked = found, picked | {name: value}
    if best is None:
        raise refusal or RefusedArchitecture("the space is empty")
    return best


def _first(values: Mapping[str, float | None], limits: Mapping[str, float], margin: float = 1.0) -> Excess | None:
    for name, value in values.items():
        if value is not None and value > limits[name] * margin:
            reason = f"{write_cost(name, value)} is over the limit of {write_cost(name, limits[name])}"
            return Excess(reason, value / limits[name] - 1)
    return None
