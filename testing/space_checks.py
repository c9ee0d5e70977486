"""Checks that hold for every architecture of a search space: it trains or is refused with a reason, and its file is right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from search_space import Architecture, RefusedArchitecture
from search_space.coded_precision import is_coded
from search_space.recognizer import Recognizer, build_recognizer
from search_space.rules import CATALOGS, PRUNE_CRITERIA
from search_space.space import SearchSpace
from testing.component_cases import smooth_image
from testing.full_space import full_space
from testing.random_weights import randomize_vectors
from trainers.export.onnx_file import graph_of, write
from trainers.export.size_estimate import estimate_bytes, expected_metadata
from trainers.inference.onnx_session import OnnxSession

SYMBOLS = 40
"""Charset size of every recogniser that is built here."""

SPACE = full_space()
"""Every registered component."""

SIZE_TOLERANCE = 0.01
"""Largest error of a size estimate, as a fraction of the file: ten times the largest that `benchmarks/size_estimate` found, and
far less than two candidates of a front differ by."""
CODED_TOLERANCE = 0.05
"""The same for coded files, whose size depends on the values of the weights as well. The networks of these checks are not
trained: 3.1 % were met. For six trained files the error was at most 0.6 %."""


def size_tolerance(precision: str) -> float:
    """Largest error of the size estimate of a file, as a fraction."""
    return CODED_TOLERANCE if is_coded(precision) else SIZE_TOLERANCE


PRUNED = SearchSpace({**SPACE.choices, "prune_percent": (0, 30, 60, 90), "prune_criterion": (None, *PRUNE_CRITERIA)})
"""The same space with pruning."""


def train_one_step(architecture: Architecture) -> Recognizer:
    """Builds a recogniser, runs it forward at a small width, and backward to every weight.

    Raises:
        AssertionError: a loss or a gradient is missing or not finite.
    """
    recognizer = build_recognizer(architecture, SYMBOLS)
    width = 2 * architecture.time_stride * 8
    images = torch.rand(2, 3, architecture.height_px, width) * 2 - 1
    targets, lengths = torch.tensor([[1, SYMBOLS, 2], [3, 3, 0]]), torch.tensor([3, 2])
    losses = recognizer.losses(images, targets, lengths)
    assert losses.shape == (2,) and bool(losses.isfinite().all())
    losses.sum().backward()  # type: ignore[no-untyped-call]
    assert [name for name, p in recognizer.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    return recognizer


def build_settled(architecture: Architecture) -> Recognizer:
    """Builds a recogniser as training leaves it: distinct values in every vector, BatchNorm statistics of its inputs."""
    recognizer = build_recognizer(architecture, SYMBOLS)
    randomize_vectors(recognizer)
    for module in recognizer.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # the plain mean of all that is seen
    recognizer.train()
    with torch.no_grad():
        for _ in range(4):
            recognizer(smooth_image((4, 3, architecture.height_px, 192)))
    return recognizer.eval()


@dataclass(frozen=True)
class ExportErrors:
    """Differences between an exported file and what was promised of it.

    Attributes:
        size: error of the size estimate, as a fraction of the size of the file.
        logits: largest absolute difference between the logits of the file and of torch.
    """

    size: float
    logits: float


def export_errors(architecture: Architecture, folder: Path) -> ExportErrors:
    """Exports a recogniser; compares the fp32 file with torch at two batches and widths, the stored one with its estimate.

    Args:
        architecture: of the recogniser.
        folder: for the file.
    """
    recognizer = build_settled(architecture)
    plain = architecture.with_(precision="fp32")
    graph = graph_of(recognizer, architecture.height_px)
    path = write(graph, folder / "model.onnx", expected_metadata(plain, SYMBOLS))
    network = OnnxSession(path)
    differences = []
    for count, width in ((1, 96), (3, 288)):
        images = smooth_image((count, 3, architecture.height_px, width))
        with torch.no_grad():
            expected = recognizer(images).numpy()
        found = network.run(images.numpy())
        assert found.shape == expected.shape
        differences.append(float(np.abs(found - expected).max()))
    size_bytes = write(graph, path, expected_metadata(architecture, SYMBOLS), architecture.precision).stat().st_size
    return ExportErrors(abs(estimate_bytes(architecture, SYMBOLS) / size_bytes - 1), float(np.max(differences)))


def assert_reasoned(refused: RefusedArchitecture) -> None:
    """Asserts that a refusal is one line that names a field or a model and what it needs."""
    text = str(refused)
    assert "\n" not in text
    assert any(word in text for word in ("needs", "goes with", "use ", "has no", "gives", "cannot"))
    assert any(field in text for field in (*CATALOGS, "height_px", "time_stride", "prune_percent", "timm/"))
