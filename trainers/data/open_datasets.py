"""Datasets kept open in this process: a worker trains many trials on the same lines and prepares them once.

Decisions:
- `prepare` looks at every source file each time it is called. A study's driver calls it when a run starts, so a source that
  changed between two runs is noticed there; it becomes another cache entry, and the old entry is deleted.
- `prepare_once` looks only at the cache entries that its dataset was made from. While they are what they were, all trials of
  a run learn from the lines that its driver checked, even when somebody writes to the source meanwhile. Once an entry was
  replaced, or deleted because it was damaged, the dataset is prepared again.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path

from trainers.data.dataset import LineDataset, prepare
from trainers.data.fingerprint import file_stamp
from trainers.data.spec import DataSpec

MOST_OPEN = 4
"""Datasets held at once; a study has one for each input height of its space, and few spaces have more than three."""

_open: OrderedDict[tuple[object, ...], LineDataset] = OrderedDict()
"""Held datasets, the one used last at the end."""


def prepare_once(spec: DataSpec, cache_folder: Path) -> LineDataset:
    """The dataset of a spec: the one this process holds, or `prepare`'s.

    Args:
        spec: which lines.
        cache_folder: where decoded lines are kept.

    Raises:
        UserError: as `prepare`.
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
