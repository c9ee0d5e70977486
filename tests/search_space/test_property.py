"""What holds for anything drawn from the whole space: it is built or refused, it trains, it exports, it is as big as told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn.modules.batchnorm import _BatchNorm

from search_space import Architecture, RefusedArchitecture
from search_space.recognizer import Recognizer, build_recognizer
from search_space.rules import CATALOGS, PRUNE_CRITERIA
from search_space.space import SearchSpace
from testing.component_cases import smooth_image
from testing.full_space import drawn, draws, full_space
from testing.random_weights import randomize_vectors
from trainers.export.estimate import estimate_bytes, expected_facts
from trainers.export.onnx_file import graph_of, write
from trainers.inference.onnx_session import Network

SYMBOLS = 40
SPACE = full_space()
PRUNED = SearchSpace({**SPACE.choices, "prune_percent": (0, 30, 60, 90), "prune_criterion": (None, *PRUNE_CRITERIA)})
LIGHT = ("timm/lcnet_050", "timm/starnet_s050", "timm/repghostnet_100", "timm/tinynet_e")


def trained_one_step(architecture: Architecture) -> Recognizer:
    """Builds, runs forward at a small width, and backward to every weight."""
    recognizer = build_recognizer(architecture, SYMBOLS)
    width = 2 * architecture.time_stride * 8
    images = torch.rand(2, 3, architecture.height_px, width) * 2 - 1
    targets, lengths = torch.tensor([[1, SYMBOLS, 2], [3, 3, 0]]), torch.tensor([3, 2])
    losses = recognizer.losses(images, targets, lengths)
    assert losses.shape == (2,) and bool(losses.isfinite().all())
    losses.sum().backward()
    assert [name for name, p in recognizer.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    return recognizer


def settled(architecture: Architecture) -> Recognizer:
    """As training leaves a recogniser: values of their own in every vector, BatchNorm statistics of what comes through."""
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
class Told:
    """How far what was told is from what is.

    Attributes:
        size: of the estimate, as a share of the file.
        logits: the largest difference between what the file and torch compute.
    """

    size: float
    logits: float


def told(architecture: Architecture, folder: Path) -> Told:
    """Exports: the fp32 file is held against torch at two batches and widths, the stored one against its estimate."""
    recognizer = settled(architecture)
    plain = architecture.with_(precision="fp32")
    graph = graph_of(recognizer, architecture.height_px)
    path = write(graph, folder / "model.onnx", expected_facts(plain, SYMBOLS))
    network = Network(path)
    differences = []
    for count, width in ((1, 96), (3, 288)):
        images = smooth_image((count, 3, architecture.height_px, width))
        with torch.no_grad():
            expected = recognizer(images).numpy()
        found = network.run(images.numpy())
        assert found.shape == expected.shape
        differences.append(float(np.abs(found - expected).max()))
    size_bytes = write(graph, path, expected_facts(architecture, SYMBOLS), architecture.precision).stat().st_size
    return Told(abs(estimate_bytes(architecture, SYMBOLS) / size_bytes - 1), float(np.max(differences)))


def assert_as_told(architecture: Architecture, folder: Path) -> None:
    """Within 1 % of the size, and 1e-4 of the logits."""
    found = told(architecture, folder)
    assert found.size < 0.01 and found.logits < 1e-4, f"{architecture.describe()}: {found}"


@st.composite
def combinations(draw: st.DrawFn, space: SearchSpace) -> dict[str, object]:
    """Field values from a space, most of them the field's first or drawn; refused ones included."""
    return {field: draw(st.sampled_from(values)) for field, values in space.choices.items()}


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(combinations(full_space(LIGHT)))
def test_any_combination_trains_or_is_refused_with_a_reason(values: dict[str, object]) -> None:
    torch.manual_seed(0)
    try:
        architecture = Architecture(**values | {"width_percent": 25})  # type: ignore[arg-type]
    except RefusedArchitecture as refused:
        assert_reasoned(refused)
    else:
        trained_one_step(architecture)


def assert_reasoned(refused: RefusedArchitecture) -> None:
    """One line that names a field or a model and what it wants."""
    text = str(refused)
    assert "\n" not in text
    assert any(word in text for word in ("needs", "goes with", "use ", "has no", "gives", "cannot"))
    assert any(field in text for field in (*CATALOGS, "height_px", "time_stride", "prune_percent", "timm/"))


@pytest.mark.parametrize("index", range(3))
@pytest.mark.filterwarnings("ignore")
def test_a_draw_is_exported_as_told(index: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    architecture = next(islice(drawn(full_space(LIGHT), seed=3), index, None))
    assert_as_told(architecture.with_(width_percent=25), tmp_path)


def test_the_same_seed_draws_the_same_architectures() -> None:
    assert list(drawn(SPACE, 1, 20)) == list(drawn(SPACE, 1, 20)) != list(drawn(SPACE, 2, 20))


def test_the_full_space_holds_every_component_and_every_part_left_out() -> None:
    for field, catalog in CATALOGS.items():
        values = {str(v).split("/")[0] for v in SPACE.choices[field]}
        assert values == set(catalog.choices())
    assert all("none" in SPACE.choices[field] for field in ("neck", "rectifier", "auxiliary", "encoder", "attention"))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_300_draws_are_trained_or_refused() -> None:
    torch.manual_seed(0)
    faults = []
    built = 0
    for one in islice(draws(PRUNED, seed=0), 300):
        if isinstance(one, RefusedArchitecture):
            assert_reasoned(one)
            continue
        built += 1
        try:
            trained_one_step(one)
        except Exception as error:  # all faults at once are worth more than the first
            faults.append(f"{one.describe()}: {type(error).__name__}: {error}")
    assert not faults, "\n".join(faults)
    assert built > 100


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("index", range(int(os.environ.get("PARETEXT_DRAWS", "30"))))
@pytest.mark.filterwarnings("ignore")
def test_draws_are_exported_as_told(index: int, tmp_path: Path) -> None:
    """PARETEXT_DRAWS=50 looks at more of them."""
    torch.manual_seed(0)
    architecture = next(islice(drawn(SPACE, seed=0), index, None))
    assert_as_told(architecture, tmp_path)
