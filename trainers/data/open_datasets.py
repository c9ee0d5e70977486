"""Datasets that stay open in this process: a worker trains many trials on the same lines and prepares them once.

Decisions:
- `prepare` checks every source file each time it is called. The driver of a study calls it when a run starts, and so notices a
  source that changed between two runs: a new cache entry is built and the old one is deleted.
- `prepare_once` checks only the cache entries of its dataset. While they are unchanged, all trials of a run train on the lines
  that the driver checked, even if a source changes during the run. If an entry was replaced, or deleted because it was damaged,
  the dataset is prepared again.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path

from trainers.data.dataset import LineDataset, prepare
from trainers.data.fingerprint import file_stamp
from trainers.data.spec import DataSpec

MOST_OPEN = 4
"""Largest number of open datasets. A study has one for each input height of its space; few spaces have more than three."""

_open: OrderedDict[tuple[object, ...], LineDataset] = OrderedDict()
"""The open datasets, the most recently used last."""


def prepare_once(spec: DataSpec, cache_folder: Path) -> LineDataset:
    """Returns the open dataset of a specification, or prepares it.

    Args:
        spec: sources, height, normaliser and charset.
        cache_folder: folder of decoded lines.

    Raises:
        UserError: see `prepare`.
    """
    charset = file_stamp(Path(spec.charset)) if spec.charset else None
    key = (json.dumps(spec.as_dict(), sort_keys=True), Path.cwd(), cache_folder, charset)
    dataset = _open.pop(key, None)
    if dataset is None or not dataset.is_current():
        dataset = prepare(spec, cache_folder)
    _open[key] = dataset
    while len(_open) > MOST_OPEN:
        _open.popitem(last=False)
    return dataset
