"""Mixes lines of earlier trainings with new ones, so that a reader that learns the new ones does not forget the old ones.

A few hundred new lines beside thousands of old ones would hardly be shown. So each new line gets a weight with which half of
the lines of an epoch are new ones. More new lines than old ones keep their share.
"""

from __future__ import annotations

from pathlib import Path

from trainers.data.cache import Progress
from trainers.data.dataset import prepare
from trainers.data.source_registry import find_source, split_sources
from trainers.data.spec import DataSpec


def with_old_lines(spec: DataSpec, old: str, cache_folder: Path, progress: Progress | None = None) -> DataSpec:
    """Adds sources of old lines to a specification.

    Args:
        spec: of the new lines, without weights. Without validation lines of its own, the old sources bring some as well.
        old: the sources of old lines, several joined by `;`.
        cache_folder: folder of decoded lines.
        progress: called with (lines done, lines in total) while decoding.

    Raises:
        UserError: a source does not exist or has no usable line.
    """
    new_sources, old_sources = split_sources(spec.training), split_sources(old)
    for source in (*new_sources, *old_sources):
        find_source(source, spec.seed)  # one that does not exist is said before the others are decoded
    both = spec.with_(training=";".join([*new_sources, *old_sources]))
    lines = prepare(both, cache_folder, progress).training
    new = sum(lines.source_of(i) < len(new_sources) for i in range(len(lines)))
    if not new or 2 * new >= len(lines):
        return both
    weight = (len(lines) - new) / new
    return both.with_(weights=(weight,) * len(new_sources) + (1.0,) * len(old_sources))
