"""Whether an architecture, or the file it became, keeps within the limits of a study; and by how much it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_space import Architecture, RefusedArchitecture, write_size
from search_space.sizes import write_count
from search_space.space import Choice, SearchSpace
from studies.objectives.costs import LATENCY_MARGIN, CostModel

if TYPE_CHECKING:
    from trainers.base.candidate import Measurement

NAMES = {"size_bytes": "size", "parameters": "parameters", "flops": "flops", "latency_ms": "latency"}
"""What is limited, as study files write it."""
WRITE: dict[str, Callable[[Any], str]] = {
    "size_bytes": write_size,
    "parameters": lambda n: f"{write_count(n)} weights",
    "flops": lambda n: f"{write_count(n)} FLOPs",
    "latency_ms": lambda ms: f"{ms:.3g} ms",
}


@dataclass(frozen=True)
class Excess:
    """What is over a limit.

    Attributes:
        reason: for a person.
        violation: value / limit - 1, above 0: one unit for all limits, so that samplers can compare.
    """

    reason: str
    violation: float


def excess_before(architecture: Architecture, costs: CostModel, limits: Mapping[str, float]) -> Excess | None:
    """Which limit an architecture would break, as far as that is known before training; what is cheap to find out first."""
    known = costs.cheap(architecture)
    found = _first({name: getattr(known, name) for name in limits}, limits)
    if found is None and "latency_ms" in limits:
        return _first({"latency_ms": costs(architecture).latency_ms}, limits, LATENCY_MARGIN)
    return found


def excess_of(measurement: Measurement, limits: Mapping[str, float]) -> Excess | None:
    """Which limit a trained file breaks."""
    return _first({name: getattr(measurement, name) for name in limits}, limits)


def smallest(space: SearchSpace, estimate: Callable[[Architecture], int]) -> int:
    """The least of a cost found in a space, one field after the other.

    Raises:
        RefusedArchitecture: no combination that was looked at can be built.
    """
    picked: dict[str, Choice] = {field: values[0] for field, values in space.choices.items()}
    best: int | None = None
    refusal: RefusedArchitecture | None = None
    for name in 2 * space.open_fields or [next(iter(space.choices), "backbone")]:
        for value in space.choices.get(name, (Architecture().as_dict()[name],)):
            try:
                size_bytes = estimate(Architecture.from_dict(picked | {name: value}))
            except RefusedArchitecture as refused:
                refusal = refused
                continue
            if best is None or size_bytes < best:
                best, picked = size_bytes, picked | {name: value}
    if best is None:
        raise refusal or RefusedArchitecture("the space is empty")
    return best


def _first(values: Mapping[str, float | None], limits: Mapping[str, float], margin: float = 1.0) -> Excess | None:
    for name, value in values.items():
        if value is not None and value > limits[name] * margin:
            return Excess(f"{WRITE[name](value)} is over the limit of {WRITE[name](limits[name])}", value / limits[name] - 1)
    return None
