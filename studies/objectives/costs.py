"""The costs of an architecture, computed before it is trained: bytes of its file, weights, multiply-adds, milliseconds a line.

Decisions:
- Bytes are always computed; the other costs only for studies that limit them or search for them.
- Latency is measured on the file of the untrained network, since the values of the weights do not change its speed. That takes
  seconds, so the limits that are cheaper to check are checked first. Other trainings run at the same time and slow it down, so
  `LATENCY_MARGIN` is allowed before training; the trained file must keep the limit itself.
- For a pruned network all costs are estimates. Its latency is that of the whole network, times the fraction of multiply-adds
  that is left: good enough to rank it, but not to refuse it. The exact values are compared with the limits once it is pruned
  and trained.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from search_space import Architecture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainers.data.dataset import LineDataset

LATENCY_MARGIN = 1.25
"""Factor by which an untrained file may exceed the latency limit: other trainings that run at the same time slow it down."""
TIMED_LINES = 30
"""Number of lines that are timed before training: fewer than for a trained file, since there are many candidates."""
MOST_COUNTED = 4096
"""Architectures whose counts a process keeps."""


@dataclass(frozen=True)
class Costs:
    """The costs of one architecture.

    Attributes:
        size_bytes: of the file that would be exported.
        parameters: learnable weights of the exported part; None if the study does not need them.
        flops: multiply-adds of an image of 3 x 32 x 320 (enlarged in proportion for taller input); None if the study does not
            need them.
        latency_ms: median time of one line alone, one thread; None if the study does not need it.
    """

    size_bytes: int
    parameters: int | None = None
    flops: int | None = None
    latency_ms: float | None = None


class CostModel:
    """Computes costs, and caches them.

    Args:
        charset: the characters of the study.
        wanted: which of `parameters`, `flops`, `latency_ms` the study needs.
        prepared: lines by input height, to measure latency on.
        inherits: whether a network begins with trained weights, which its file names. If they cannot be read, so that it begins
            with random ones, its file is about 130 bytes smaller than computed.
    """

    def __init__(
        self,
        charset: str,
        wanted: Collection[str],
        prepared: Mapping[int, LineDataset],
        inherits: Callable[[Architecture], bool] = lambda _: False,
    ) -> None:
        self._charset, self._wanted, self._prepared = charset, frozenset(wanted), prepared
        self._inherits = inherits
        self._cached: Callable[[Architecture], Costs] = lru_cache(maxsize=2_000)(self._compute)
        self._latency: Callable[[Architecture], float] = lru_cache(maxsize=10_000)(self._measure_latency)

    def without_latency(self, architecture: Architecture) -> Costs:
        """All costs that take milliseconds to compute: all but latency.

        Raises:
            RefusedArchitecture: it cannot be built.
        """
        return self._cached(architecture)

    def function_of(self, metric: str) -> Callable[[Architecture], int]:
        """One of the costs without latency, as a function of the architecture."""

        def cost(architecture: Architecture) -> int:
            value: int = getattr(self.without_latency(architecture), metric)
            return value

        return cost

    def __call__(self, architecture: Architecture) -> Costs:
        """All costs that the study needs; latency takes seconds to measure.

        Raises:
            RefusedArchitecture: it cannot be built.
        """
        costs = self._cached(architecture)
        if "latency_ms" not in self._wanted:
            return costs
        whole = architecture.with_(prune_percent=0, prune_criterion=None)  # timed once for all
        latency_ms = self._latency(whole)
        if architecture.prune_percent:
            before, after = (count_weights_and_flops(a, len(self._charset))[1] for a in (whole, architecture))
            latency_ms *= after / before
        return Costs(costs.size_bytes, costs.parameters, costs.flops, latency_ms)

    def _compute(self, architecture: Architecture) -> Costs:
        from trainers.export.size_estimate import estimate_bytes

        size_bytes = estimate_bytes(architecture, len(self._charset), self._charset, self._inherits(architecture))
        if not self._wanted & {"parameters", "flops"}:
            return Costs(size_bytes)
        weights, products = count_weights_and_flops(architecture, len(self._charset))
        return Costs(size_bytes, weights, products)

    def _measure_latency(self, architecture: Architecture) -> float:
        from search_space.recognizer import build_recognizer
        from trainers.evaluation.measure import latency_ms
        from trainers.export.onnx_file import export
        from trainers.inference.model_metadata import ModelMetadata
        from trainers.inference.reader import Reader

        plain = architecture.with_(auxiliary="none")
        recognizer = build_recognizer(plain, len(self._charset)).eval()
        metadata = ModelMetadata(
            charset=tuple(self._charset),
            normaliser="none",
            height_px=plain.height_px,
            time_stride=plain.time_stride,
            architecture=plain.as_dict(),
            digest=plain.digest,
            data_digest="",
            decoding=recognizer.head.decoding,
        )
        with tempfile.TemporaryDirectory(prefix="latency-") as folder:
            reader = Reader(export(recognizer, Path(folder) / "untrained.onnx", metadata, plain.precision), threads=1)
            return latency_ms(reader, self._prepared[plain.height_px].validation, TIMED_LINES)


@lru_cache(maxsize=MOST_COUNTED)
def count_weights_and_flops(architecture: Architecture, symbols: int, exported: bool = True) -> tuple[int, int]:
    """Learnable weights, and multiply-adds of the reference image; estimates if it is to be pruned.

    Counted once per process: the sampler and the plan for the time ask for the same architectures.

    Args:
        architecture: what would be trained.
        symbols: characters in the charset.
        exported: of the exported network, whose branches are merged; False: of the network as it trains.
    """
    import torch

    from search_space.counting import flops
    from search_space.fusing import fuse_in_place
    from search_space.recognizer import build_recognizer
    from trainers.export.size_estimate import content_of
    from trainers.trial.model_files import FLOPS_HEIGHT_PX, FLOPS_WIDTH_PX, learnable_weights

    plain = architecture.with_(precision="fp32", auxiliary="none", prune_percent=0)
    with torch.device("meta"):
        recognizer = build_recognizer(plain, symbols).eval()
    if exported:
        recognizer = fuse_in_place(recognizer)
    counted = flops(recognizer, plain.height_px, FLOPS_WIDTH_PX * plain.height_px // FLOPS_HEIGHT_PX)
    weights: int = learnable_weights(recognizer)
    if not architecture.prune_percent:
        return weights, counted.whole
    cut = architecture.with_(precision="fp32", auxiliary="none")
    before, after = (sum(prod(w.shape) * n for w, n in content_of(a, symbols).weights) for a in (plain, cut))
    return round(weights * after / before), counted.whole - round(counted.backbone * architecture.prune_percent / 100)
