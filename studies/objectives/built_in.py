"""The built-in objectives."""

from __future__ import annotations

from studies.objectives.catalog import objectives
from studies.objectives.objective import Objective


@objectives.register("accuracy")
def accuracy() -> Objective:
    """Fraction of lines that are read without an error."""
    return Objective("accuracy", "accuracy", maximize=True, before_training=False, scale="linear", best_value=1.0)


@objectives.register("cer")
def cer() -> Objective:
    """Character error rate."""
    return Objective("cer", "cer", before_training=False, scale="linear", best_value=0.0)


@objectives.register("size")
def size() -> Objective:
    """Bytes of the exported file."""
    return Objective("size", "size_bytes")


@objectives.register("latency")
def latency() -> Objective:
    """Milliseconds to read a line."""
    return Objective("latency", "latency_ms")


@objectives.register("flops")
def flops() -> Objective:
    """Multiply-adds of one image."""
    return Objective("flops", "flops")


@objectives.register("parameters")
def parameters() -> Objective:
    """Learnable weights."""
    return Objective("parameters", "parameters")
