"""Profiles the steps of our loop with torch's profiler, and divides their time among the kinds of operations."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest import mock

from torch.profiler import ProfilerActivity, profile, record_function

from search_space import Architecture
from trainers.base.recipe import Recipe
from trainers.batching.collate import Collator
from trainers.batching.device_dataset import DeviceDataset
from trainers.data.dataset import LineDataset
from trainers.training import loop as training
from trainers.training.job import TrainingJob

SECTIONS = ("making batches", "augmentation")
RULES = (
    ("recurrence", ("_recurrence", "aten::baddbmm")),
    ("convolution, backward", ("convolution_backward", "conv2d_backward", "conv_depthwise2d_backward")),
    ("convolution, forward", ("convolution", "conv2d", "mkldnn")),
    ("batch norm", ("batch_norm", "batchnorm")),
    ("CTC", ("ctc_loss", "log_softmax", "logsoftmax")),
    ("pooling", ("pool",)),
    ("optimizer and clipping", ("optimizer", "adam", "_foreach", "clip_grad")),
    ("activations and gates", ("hardswish", "hardsigmoid", "relu", "threshold")),
)
"""What an operation is for, by a part of its name or of the name of one that it is called from; the innermost decides."""


def shares(architecture: Architecture, prepared: LineDataset, recipe: Recipe) -> dict[str, float]:
    """Share of a training epoch's processor time by purpose, largest first; sums to 1."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(training, "augment", _in_section("augmentation", training.augment)),
        mock.patch.object(Collator, "collate", _in_section("making batches", Collator.collate)),
        mock.patch.object(DeviceDataset, "collate", _in_section("making batches", DeviceDataset.collate)),
        profile(activities=[ProfilerActivity.CPU]) as seen,
    ):
        training.train(TrainingJob(architecture, prepared, recipe, 1, Path(folder), 0), lambda _: True)
    spent: Counter[str] = Counter()
    for event in seen.events() or ():
        spent[_purpose(event)] += event.self_cpu_time_total
    spent.pop("", None)
    total = sum(spent.values())
    return {purpose: time_us / total for purpose, time_us in spent.most_common()}


def _in_section(name: str, function: Any) -> Any:
    def called(*arguments: Any) -> Any:
        with record_function(name):
            return function(*arguments)

    return called


def _purpose(event: Any) -> str:
    names = list(_names(event))
    for section in SECTIONS:
        if section in names:
            return section
    for name in names:
        for purpose, parts in RULES:
            if any(part in name.lower() for part in parts):
                return purpose
    return "the rest"


def _names(event: Any) -> Iterable[str]:
    """Of an event and all that it is called from, innermost first."""
    while event is not None:
        yield event.name
        event = event.cpu_parent
