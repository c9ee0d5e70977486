"""Computes from a sensitivity table how many channels to remove from each layer to remove a given fraction of the work.

Decisions:
- All layers lose the same accuracy: one threshold on the loss gives the ratio of every layer, by linear interpolation between
  measured points. Bisection finds the smallest threshold whose plan removes at least the target.
- Where the table is flat, a small step of the threshold changes the ratios by a lot; all layers then take the same fraction of
  that change.
- A ratio removes `round(ratio x channels)` channels and leaves at least `FLOOR_CHANNELS`.
- This module does not use torch: it needs a table and a count of the work only, so published tables can be checked.

Source: sensitivity pruning as in Li et al., Pruning Filters for Efficient ConvNets, 2016 (arXiv:1608.08710), and PaddleSlim.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from trainers.base.errors import UnfitArchitecture

Table = Mapping[str, Sequence[tuple[float, float]]]
"""Pairs (fraction of channels removed, fraction of the accuracy lost) by layer."""

FLOOR_CHANNELS = 2
"""Smallest number of channels that a layer keeps."""

STEPS = 50
"""Steps of the bisection, after which the threshold is exact to 1e-15."""


def ratio_at(points: Sequence[tuple[float, float]], loss: float) -> float:
    """The largest ratio of a layer that costs at most `loss`; 0 if even the smallest measured ratio costs more.

    Args:
        points: (ratio, loss) pairs in any order.
        loss: fraction of the accuracy.
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
    """Number of a layer's channels that a ratio removes."""
    return max(0, min(round(ratio * channels), channels - floor))


def solve(
    table: Table,
    channels: Mapping[str, int],
    removed_work: Callable[[Mapping[str, int]], float],
    target: float,
    skip: Collection[str] = (),
) -> dict[str, int]:
    """Computes the number of channels to remove from each layer.

    Args:
        table: loss of accuracy of each layer at each ratio.
        channels: number of channels of each layer in the table.
        removed_work: computes the fraction of the work, in [0, 1], that a plan removes.
        target: fraction of the work to remove, in [0, 1].
        skip: layers that are not pruned.

    Returns:
        Channels to remove, by layer. The work removed is the least at or above `target` that a threshold gives.

    Raises:
        UnfitArchitecture: the largest ratios of the table remove less than the target.
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
    """The plan of the smallest threshold in [0, highest] that removes at least `target` of the work.

    Raises:
        UnfitArchitecture: the highest threshold removes less.
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
    """Interpolates between a plan that removes too little and one that removes enough.

    Where a table is flat, because few lines were read or a layer loses nothing, one step of the threshold changes a plan by a
    lot.
    """

    def step(share: float) -> dict[str, int]:
        return {name: round(little[name] + share * (much[name] - little[name])) for name in much}

    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if removed_work(step(middle)) < target else (low, middle)
    return step(high)
