"""Batches of images of equal canonical width, for reading and for validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trainers.base.preprocess import canonical_width

MAX_BATCH_PX = 64 * 32 * 320
"""Most pixels of a batch, per channel: 64 lines of 32 x 320, so that memory is bounded however long the lines are."""


def equal_width_batches(widths: Sequence[int], time_stride: int, height_px: int) -> Iterator[tuple[list[int], int]]:
    """Groups images by their canonical width and cuts the groups into batches, narrow images first.

    Args:
        widths: columns of each image.
        time_stride: of the network.
        height_px: rows of all images.

    Yields:
        Positions of the images in `widths`, and the canonical width that they run at.
    """
    groups: dict[int, list[int]] = {}
    for i, width in enumerate(widths):
        groups.setdefault(canonical_width(int(width), time_stride), []).append(i)
    for width_px, group in sorted(groups.items()):
        size = max(1, MAX_BATCH_PX // (width_px * height_px))
        for at in range(0, len(group), size):
            yield group[at : at + size], width_px
