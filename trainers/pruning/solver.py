"""Computes from a sensitivity table how many channels to remove from each layer to remove a given fraction of the work.

Decisions:
- All layers bear the same loss: one threshold on the table's accuracy loss gives every layer its ratio, by straight lines
  between the measured points; the threshold is halved in until the work removed meets the target from above.
- Where the table is flat the threshold leaps; all layers then go the same share of the leap.
- A ratio removes `round(ratio x channels)`, and never leaves fewer than the floor.
- No torch in here: a table and a count of work is all it takes, so published tables can be checked.

Source: sensitivity pruning as in Li et al., Pruning Filters for Efficient ConvNets, 2016 (arXiv:1608.08710), and PaddleSlim.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from trainers.base.errors import UnfitArchitecture

Table = Mapping[str, Sequence[tuple[float, float]]]
"""Layer to pairs (ratio of channels removed, share of the accuracy lost)."""

FLOOR_CHANNELS = 2
"""Fewest channels that any layer keeps."""

STEPS = 50
"""Halvings of the threshold: to 1e-15."""


def ratio_at(points: Sequence[tuple[float, float]], loss: float) -> float:
    """The largest ratio of one layer that costs at most `loss`; 0 where even the smallest measured one costs more.

    Args:
        points: (ratio, loss) pairs in any order.
        loss: share of the accuracy.
    """
    ordered = sorted(points)
    for index in range(len(ordered) - 1, -1, -1):
        ratio, cost = ordered[index]
        if cost > loss:
            continue
        if index == len(ordered) - 1:
            return ratio
        next_ratio, next_cost = ordered[index + 1]
        return ratio + (loss - cost) * (next_ratio - ratio) / (next_cost - cost)
    return 0.0


def removed_channels(channels: int, ratio: float, floor: int = FLOOR_CHANNELS) -> int:
    """How many of a layer's channels a ratio removes."""
    return max(0, min(round(ratio * channels), channels - floor))


def solve(
    table: Table,
    channels: Mapping[str, int],
    removed_work: Callable[[Mapping[str, int]], float],
    target: float,
    skip: Collection[str] = (),
) -> dict[str, int]:
    """Channels to remove from each layer.

    Args:
        table: the accuracy loss of each layer at each ratio.
        channels: of each layer in the table.
        removed_work: share of the work, in [0, 1], that goes with so many channels of each layer.
        target: share of the work to remove, in [0, 1].
        skip: layers to leave as they are.

    Returns:
        Layer to channels removed; the work removed is the least at or above `target` that one threshold gives.

    Raises:
        UnfitArchitecture: even the largest ratios of the table remove less.
    """

    def plan(loss: float) -> dict[str, int]:
        return {
            name: removed_channels(channels[name], ratio_at(points, loss)) for name, points in table.items() if name not in skip
        }

    highest = max((cost for points in table.values() for _, cost in points), default=0.0)
    return least_that_meets(plan, highest, removed_work, target)


def least_that_meets(
    plan: Callable[[float], dict[str, int]],
    highest: float,
    removed_work: Callable[[Mapping[str, int]], float],
    target: float,
) -> dict[str, int]:
    """The plan of the least threshold in [0, highest] that removes at least `target` of the work.

    Raises:
        UnfitArchitecture: not even the highest does.
    """
    most = removed_work(plan(highest))
    if most < target:
        raise UnfitArchitecture(
            f"pruning {100 * target:.0f} % of the backbone's work is not possible: the most that leaves every layer its "
            f"floor is {100 * most:.1f} %; ask for less"
        )
    low, high = 0.0, highest
    if removed_work(plan(low)) >= target:
        return _between(dict.fromkeys(plan(low), 0), plan(low), removed_work, target)
    for _ in range(STEPS):
        middle = (low + high) / 2
        if removed_work(plan(middle)) < target:
            low = middle
        else:
            high = middle
    return _between(plan(low), plan(high), removed_work, target)


def _between(
    little: dict[str, int], much: dict[str, int], removed_work: Callable[[Mapping[str, int]], float], target: float
) -> dict[str, int]:
    """The least plan on the way from one that removes too little to one that removes enough.

    Where a table is flat, because few lines were read or a layer bears anything, one threshold more takes a leap.
    """

    def step(share: float) -> dict[str, int]:
        return {name: round(little[name] + share * (much[name] - little[name])) for name in much}

    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if removed_work(step(middle)) < target else (low, middle)
    return step(high)
