"""Tests that a network with a component must pass; inherit `NetworkContract` and name the component.

`testing.component_contract` tests a component alone. These tests build, prune and export a whole network with it, since file
size, pruning and what is left out of the file depend on the parts around the component.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, numpy_helper
from torch import Tensor

from search_space.architecture import Architecture, RefusedArchitecture
from search_space.counting import flops
from search_space.recognizer import Recognizer
from search_space.rules import CATALOGS, PRECISIONS
from testing.component_cases import TIMM, smooth_image
from testing.component_contract import closeness
from testing.noise_lines import NoiseLines
from testing.space_checks import SYMBOLS, build_settled, size_tolerance, train_one_step
from trainers.evaluation.measure import read_all
from trainers.export.coded.storing import code_tensor
from trainers.export.constants import CONSTANT
from trainers.export.onnx_file import computed_from_initialisers, export, finished, graph_of, ready
from trainers.export.parity import check_same_text
from trainers.export.precision import channel_axes, how_stored, store
from trainers.export.size_estimate import estimate_bytes, expected_metadata
from trainers.inference.reader import Reader
from trainers.pruning.mask import cut_away
from trainers.pruning.torch_pruning_adapter import PruningGraph

SMALL_NETWORK: Mapping[str, Any] = {"width_percent": 25, "encoder_hidden": 16, "encoder_layers": 1, "head_rank": 16}
"""Fields of every network here unless it has its own: small, so that a network is built and exported in half a second."""

LEARNED_WIDTH = 50
"""Width in percent of the network that the size estimate sees first. It is not that of `SMALL_NETWORK`, so that an estimate is
wrong if the nodes of a component depend on its width."""

COMPANIONS: Sequence[Mapping[str, Any]] = ({}, {"neck": "fpn_a"}, {"head": "ctc_low_rank"}, {"encoder": "none"})
"""Fields that a component may need beside it, tried in this order (an auxiliary loss may need the maps of a neck)."""


def component_networks() -> list[Mapping[str, Any]]:
    """Fields of small networks that have every component of every catalog: one for each, of equal networks the first."""
    networks: dict[Architecture, Mapping[str, Any]] = {}
    for field, catalog in CATALOGS.items():
        for name in catalog:
            value = TIMM if name == "timm" else name
            fields = {**_companions_of(field, value), field: value}
            networks.setdefault(Architecture(**{**SMALL_NETWORK, **fields}), fields)
    return list(networks.values())


def _companions_of(field: str, name: str) -> Mapping[str, Any]:
    for companions in COMPANIONS:
        with contextlib.suppress(RefusedArchitecture):
            Architecture(**{**SMALL_NETWORK, **companions, field: name})
            return companions
    return {}


@dataclass(frozen=True)
class Network:
    """A network under test; tests do not change it.

    Attributes:
        architecture: its architecture, in fp32 and not pruned.
        recognizer: the torch module with settled weights, in eval mode.
        graph: its fp32 ONNX graph.
    """

    architecture: Architecture
    recognizer: Recognizer
    graph: Any

    def file(self, graph: Any, precision: str = "fp32") -> bytes:
        """The bytes of a file with this graph; the graph is not changed."""
        metadata = expected_metadata(self.architecture.with_(precision=precision), SYMBOLS)
        return finished(copy.deepcopy(graph), metadata, precision)

    def images(self, count: int, width_px: int) -> Tensor:
        """Random images (count, 3, height_px, width_px)."""
        return smooth_image((count, 3, self.architecture.height_px, width_px))


def network_of(fields: Mapping[str, Any]) -> Network:
    """Builds and exports a network.

    Args:
        fields: of its architecture; those left out are those of `SMALL_NETWORK`, then the defaults.
    """
    architecture = Architecture(**{**SMALL_NETWORK, **fields})
    torch.manual_seed(0)
    recognizer = build_settled(architecture)
    return Network(architecture, recognizer, graph_of(recognizer, architecture.height_px))


class NetworkContract:
    """Override `networks`; override `registered` as well if no installed package registers the component."""

    def networks(self) -> Sequence[Mapping[str, Any]]:
        """Fields of the architectures to test, each with the component; what is left out is that of `SMALL_NETWORK`."""
        raise NotImplementedError

    def registered(self) -> AbstractContextManager[None]:
        """Puts the component into its catalog while a network is tested: `return attentions.temporary("simam", SimAM)`."""
        return contextlib.nullcontext()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Runs each test with each network, which is built once for all tests."""
        if "network" in metafunc.fixturenames:
            networks = list(self.networks())
            ids = ["-".join(map(str, fields.values())) for fields in networks]
            metafunc.parametrize("network", networks, ids=ids, indirect=True, scope="class")

    @pytest.fixture(scope="class")
    def network(self, request: pytest.FixtureRequest) -> Iterator[Network]:
        with self.registered():
            yield network_of(request.param)

    @pytest.mark.filterwarnings("ignore")
    def test_the_estimated_size_is_that_of_the_file(self, network: Network) -> None:
        """In every precision, also after the estimate has seen the component at another width first."""
        with contextlib.suppress(RefusedArchitecture):  # a model without a width multiplier
            estimate_bytes(network.architecture.with_(width_percent=LEARNED_WIDTH), SYMBOLS)
        for precision in PRECISIONS:
            estimate = estimate_bytes(network.architecture.with_(precision=precision), SYMBOLS)
            size_bytes = len(network.file(network.graph, precision))
            error = abs(estimate / size_bytes - 1)
            assert error < size_tolerance(precision), (
                f"the {precision} file has {size_bytes} bytes, and the estimate says {estimate}"
            )

    def test_coded_weights_come_back_bit_for_bit(self, network: Network) -> None:
        """ONNX Runtime computes from a coded graph exactly the weights that were quantised."""
        graph, stored = (copy.deepcopy(network.graph).graph for _ in range(2))
        axes = channel_axes(graph)
        expected = {
            tensor.name: code_tensor(tensor.name, numpy_helper.to_array(tensor), axes.get(tensor.name, ())).values()
            for tensor in graph.initializer
            if tensor.data_type == TensorProto.FLOAT
            and how_stored(tensor.dims, axes.get(tensor.name), "coded", tensor.doc_string == CONSTANT) in ("coded", "vector")
        }
        store(stored, "coded")
        for name, found in computed_from_initialisers(stored, sorted(expected)).items():
            np.testing.assert_array_equal(found, expected[name])

    @pytest.mark.filterwarnings("ignore")
    def test_it_is_pruned_and_its_file_reads_alike_or_it_is_refused(self, network: Network, tmp_path: Path) -> None:
        """Every group of the backbone's channels loses a third. A component declares `prunable = False` if that breaks it."""
        try:
            pruned = network.architecture.with_(prune_percent=30, prune_criterion="l2")
        except RefusedArchitecture as refused:
            assert "cannot be pruned" in str(refused)
            return
        recognizer = copy.deepcopy(network.recognizer)
        recognizer.auxiliary = None  # a training drops it when it prunes
        try:
            groups = PruningGraph(copy.deepcopy(recognizer)).groups()
            cut_away(recognizer, {group.name: group.channels // 3 for group in groups}, "l2")
            logits = recognizer(network.images(2, 96))
        except Exception as error:
            raise AssertionError(f"{pruned.describe()} cannot be pruned; declare `prunable = False`: {error!r}") from error
        width_px = 10 * pruned.time_stride
        work = [flops(model, pruned.height_px, width_px).backbone for model in (network.recognizer, recognizer)]
        assert work[1] < 0.9 * work[0], f"the cut leaves {work[1]} of the backbone's {work[0]} multiply-adds"
        assert bool(logits.isfinite().all()), "the pruned network gives logits that are not finite"
        assert_file_reads_alike(recognizer, pruned, tmp_path)

    @pytest.mark.filterwarnings("ignore")
    def test_nothing_that_only_training_uses_is_exported(self, network: Network) -> None:
        """If only the loss reads a branch, `fused_for_export` must drop it; otherwise the size estimate counts it."""
        model = ready(network.recognizer)
        torch.autograd.backward(model(network.images(2, 96)).sum())
        unused = [name for name, p in model.named_parameters() if p.grad is None]
        assert not unused, f"the exported network does not use these weights: {', '.join(unused)}"
        if network.recognizer.auxiliary is not None:
            without = copy.deepcopy(network.recognizer)
            without.auxiliary = None
            file = network.file(graph_of(without, network.architecture.height_px))
            assert file == network.file(network.graph), "the auxiliary loss changes the exported file"

    def test_the_same_seed_gives_the_same_weights_and_gradients(self, network: Network) -> None:
        """All random numbers come from torch's generator. Every weight gets a finite gradient."""
        first, again = (_trained_with_seed(network.architecture) for _ in range(2))
        differing = [name for name, value in first.items() if not torch.equal(value, again[name])]
        assert not differing, f"the same seed gives other values of {', '.join(differing)}"


def _trained_with_seed(architecture: Architecture) -> dict[str, Tensor]:
    """State and gradients of a network after one forward and backward pass in training, from a fixed seed."""
    torch.manual_seed(7)
    recognizer = train_one_step(architecture)
    gradients = {f"gradient of {name}": p.grad for name, p in recognizer.named_parameters() if p.grad is not None}
    return {**recognizer.state_dict(), **gradients}


def assert_file_reads_alike(recognizer: Recognizer, architecture: Architecture, folder: Path) -> None:
    """Exports a network; the file must give its logits, within 1e-4 of the largest, and read the same text."""
    reader = Reader(export(recognizer, folder / "model.onnx", expected_metadata(architecture, SYMBOLS)))
    images = smooth_image((2, 3, architecture.height_px, 288))
    with torch.no_grad():
        expected = recognizer.eval()(images)
    np.testing.assert_allclose(reader.network.run(images.numpy()), expected.numpy(), rtol=0, atol=closeness(expected))
    lines = NoiseLines([""] * 3, architecture.height_px)
    check_same_text(recognizer, reader, lines, read_all(reader, lines))
