"""What an architecture costs before it is trained: bytes of its file, weights, multiply-adds, milliseconds a line.

Decisions:
- Bytes are always known; the others are worked out only for studies that limit them or search for them.
- Milliseconds are measured on the file of the untrained network: what its weights are does not matter to their speed. That
  takes seconds, so the limits that cost less are looked at first. Other trainings run meanwhile, so a candidate is refused
  before training only when it is `LATENCY_MARGIN` over; the limit itself is held against the trained file.
- Of a pruned network bytes, weights and multiply-adds are expected ones and milliseconds are unknown: the exact ones are
  held against the limits once it is cut and trained.
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
TIMED_LINES = 30


@dataclass(frozen=True)
class Costs:
    """What one architecture costs.

    Attributes:
        size_bytes: of the file that would be exported.
        parameters: learnable weights that the file has a use for; None where nobody asked.
        flops: multiply-adds of an image of 3 x 32 x 320 (enlarged in proportion for taller input); None where nobody asked.
        latency_ms: median time of one line alone, one thread; None where nobody asked, or it cannot be known yet.
    """

    size_bytes: int
    parameters: int | None = None
    flops: int | None = None
    latency_ms: float | None = None


class CostModel:
    """Works costs out, and remembers them.

    Args:
        charset: the characters of the study.
        wanted: which of `parameters`, `flops`, `latency_ms` the study needs.
        prepared: lines by input height, to measure milliseconds on.
    """

    def __init__(self, charset: str, wanted: Collection[str], prepared: Mapping[int, LineDataset]) -> None:
        self._charset, self._wanted, self._prepared = charset, frozenset(wanted), prepared
        self._of: Callable[[Architecture], Costs] = lru_cache(maxsize=2_000)(self._work_out)
        self._latency: Callable[[Architecture], float] = lru_cache(maxsize=10_000)(self._measure_latency)

    def cheap(self, architecture: Architecture) -> Costs:
        """All but milliseconds.

        Raises:
            RefusedArchitecture: it cannot be built.
        """
        return self._of(architecture)

    def of(self, metric: str) -> Callable[[Architecture], int]:
        """One of the cheap costs, as a function of the architecture."""

        def cost(architecture: Architecture) -> int:
            value: int = getattr(self.cheap(architecture), metric)
            return value

        return cost

    def __call__(self, architecture: Architecture) -> Costs:
        """All that the study needs to know; milliseconds take seconds to find out.

        Raises:
            RefusedArchitecture: it cannot be built.
        """
        costs = self._of(architecture)
        if "latency_ms" not in self._wanted or architecture.prune_percent:
            return costs
        return Costs(costs.size_bytes, costs.parameters, costs.flops, self._latency(architecture))

    def _work_out(self, architecture: Architecture) -> Costs:
        from trainers.export.estimate import estimate_bytes

        size_bytes = estimate_bytes(architecture, len(self._charset), self._charset)
        if not self._wanted & {"parameters", "flops"}:
            return Costs(size_bytes)
        weights, products = count(architecture, len(self._charset))
        return Costs(size_bytes, weights, products)

    def _measure_latency(self, architecture: Architecture) -> float:
        from search_space.recognizer import build_recognizer
        from trainers.evaluation.measure import latency_ms
        from trainers.export.onnx_file import export
        from trainers.inference.model_metadata import ModelMetadata
        from trainers.inference.reader import Reader

        plain = architecture.with_(auxiliary="none")
        recognizer = build_recognizer(plain, len(self._charset)).eval()
        facts = ModelMetadata(
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
            reader = Reader(export(recognizer, Path(folder) / "untrained.onnx", facts, plain.precision), threads=1)
            return latency_ms(reader, self._prepared[plain.height_px].validation, TIMED_LINES)


def count(architecture: Architecture, symbols: int) -> tuple[int, int]:
    """Learnable weights of the exported part, and multiply-adds of the reference image; after pruning as far as expected.

    Args:
        architecture: what would be trained.
        symbols: characters in the charset.
    """
    import torch

    from search_space.counting import flops
    from search_space.recognizer import build_recognizer
    from trainers.export.estimate import content_of
    from trainers.trial.model_files import FLOPS_HEIGHT_PX, FLOPS_WIDTH_PX, learnable_weights

    plain = architecture.with_(precision="fp32", auxiliary="none", prune_percent=0)
    with torch.device("meta"):
        recognizer = build_recognizer(plain, symbols)
    counted = flops(recognizer, plain.height_px, FLOPS_WIDTH_PX * plain.height_px // FLOPS_HEIGHT_PX)
    weights: int = learnable_weights(recognizer)
    if not architecture.prune_percent:
        return weights, counted.whole
    cut = architecture.with_(precision="fp32", auxiliary="none")
    before, after = (sum(prod(w.shape) * n for w, n in content_of(a, symbols).weights) for a in (plain, cut))
    return round(weights * after / before), counted.whole - round(counted.backbone * architecture.prune_percent / 100)
