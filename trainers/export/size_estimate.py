"""Predicts the bytes of the exported file from the architecture alone, before anything is trained.

A study calls `estimate_bytes` through `studies.objectives.costs`.

Decisions:
- The estimate uses the code of the exporter wherever the exporter has a choice: the final form of the network
  (`onnx_file.final`), how each tensor is stored (`precision.how_stored`), the file around nodes and weights
  (`onnx_file.frame`). Only the bytes of nodes are looked up (`node_costs`), since tracing a network takes a second.
- Weights and nodes are counted once per component, on the meta device (`component_sizes`). A search meets few new components.
- The bytes of coded weights depend on their values, and are an expectation for normally distributed ones.
- The counts of an architecture are cached without its precision, which changes only how weights are stored.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn

from search_space.architecture import Architecture
from search_space.coded_precision import is_coded
from search_space.recognizer import Recognizer, build_recognizer
from trainers.export.component_sizes import component_sizes
from trainers.export.inventory import Weight
from trainers.export.node_costs import Constant, Cost, costs_in, known_costs
from trainers.export.onnx_file import INSTEAD_OF_CODED, final, frame, simplified_graph, stored_in
from trainers.export.precision import common_bytes, how_stored, step_of, stored_bytes
from trainers.export.protobuf import field_bytes, tensor_bytes
from trainers.export.pruned_size import shrunk_weights
from trainers.export.skip_init import without_initialisation
from trainers.inference.model_metadata import ModelMetadata

MAX_CACHED = 64
"""Architectures whose counts are cached: few, since all precisions of one architecture are estimated one after the other."""
DIGEST = "0" * 16
"""A digest as long as a real one."""
NORMALISER = "none"
"""A normaliser about as long as a real one."""
ASCII = "".join(map(chr, range(32, 127)))
"""The printable characters that take one byte."""


@dataclass(frozen=True)
class Content:
    """The contents of an architecture's file, the same for every precision.

    Attributes:
        node_bytes: bytes of all nodes except those that convert stored weights to fp32.
        weights: kinds of float tensors and how many there are of each.
        constants: constants that the nodes read.
    """

    node_bytes: int
    weights: tuple[tuple[Weight, int], ...]
    constants: frozenset[Constant]


def estimate_bytes(architecture: Architecture, symbols: int, charset: str | None = None, inherits: bool = False) -> int:
    """Bytes of the file that `export` would write.

    Args:
        architecture: what would be trained. If it will be pruned, the size is an expectation (see `pruned_size`).
        symbols: characters in the charset.
        charset: the characters; None counts 95 of them as ASCII and three bytes for each of the others (Chinese).
        inherits: whether the network begins with trained weights, which the file names.

    Raises:
        RefusedArchitecture: it cannot be built.
    """
    content = content_of(architecture.with_(precision="fp32", auxiliary="none"), symbols)
    metadata = expected_metadata(architecture, symbols, charset, inherits)
    precisions = (architecture.precision, *(INSTEAD_OF_CODED if is_coded(architecture.precision) else ()))
    return min(framed_bytes(_graph_bytes(content, p), stored_in(metadata, p), p) for p in precisions)


def _graph_bytes(content: Content, precision: str) -> int:
    """Bytes of all nodes, weights and constants."""
    graph = content.node_bytes + common_bytes(precision)
    graph += sum(count * weight_bytes(weight, precision) for weight, count in content.weights)
    return graph + sum(constant_bytes(constant, precision) for constant in content.constants)


@lru_cache(maxsize=50_000)
def weight_bytes(weight: Weight, precision: str, is_constant: bool = False) -> int:
    """Bytes of a weight, or of an fp32 constant of the code, and of the nodes that convert it to fp32."""
    storage = how_stored(weight.shape, weight.axes, precision, is_constant or weight.divides)
    return stored_bytes(weight.shape, weight.axes, storage, step_of(precision))


def constant_bytes(constant: Constant, precision: str) -> int:
    """Bytes of a constant. An fp32 constant is stored as a weight is, but for vectors, which are not coded."""
    if constant.is_float:
        return weight_bytes(Weight(constant.shape, constant.axes), precision, is_constant=True)
    return tensor_bytes(constant.shape, constant.item_bytes)


def typical_charset(symbols: int) -> str:
    """Characters that take as many bytes as a real charset of this size would."""
    return ASCII[:symbols] + "\u4e00" * max(0, symbols - len(ASCII))


def expected_metadata(
    architecture: Architecture, symbols: int, charset: str | None = None, inherits: bool = False
) -> ModelMetadata:
    """Metadata that takes as many bytes as that of the trained model will."""
    return ModelMetadata(
        charset=tuple(charset if charset is not None else typical_charset(symbols)),
        normaliser=NORMALISER,
        height_px=architecture.height_px,
        time_stride=architecture.time_stride,
        architecture=architecture.as_dict(),
        digest=DIGEST,
        data_digest=DIGEST,
        decoding="attention" if architecture.head == "attention" else "ctc",
        lineage={"parent": ""} if inherits else {},  # any text takes the same bytes
    )


def framed_bytes(graph_bytes: int, metadata: ModelMetadata, precision: str) -> int:
    """Bytes of a file whose nodes and weights take `graph_bytes`."""
    file = frame(metadata, precision)
    ports: int = file.graph.ByteSize()
    return int(file.ByteSize()) - field_bytes(ports) + field_bytes(ports + graph_bytes)


@lru_cache(maxsize=MAX_CACHED)
def content_of(architecture: Architecture, symbols: int) -> Content:
    """Counts the contents of an architecture's file; learns the costs of unknown modules from an export."""
    sizes = component_sizes(architecture, symbols)
    codes, weights = sizes.codes, sizes.weights
    costs = known_costs()
    if any(code not in costs for code in codes):
        costs.update(learn(architecture, symbols))
    if architecture.prune_percent:
        weights = Counter(shrunk_weights(unfilled(architecture, symbols), architecture.prune_percent))
    return Content(
        node_bytes=sum(count * costs[code].node_bytes for code, count in codes.items()),
        weights=tuple(weights.items()),
        constants=frozenset().union(*(costs[code].constants for code in codes)),
    )


def learn(architecture: Architecture, symbols: int) -> dict[str, Cost]:
    """Costs of every module of an architecture, from one export."""
    model = final(with_numbers(build_recognizer(architecture, symbols)))
    return costs_in(simplified_graph(model, architecture.height_px), model)


def with_numbers(model: nn.Module) -> nn.Module:
    """Makes the values of all weights different, in place: torch merges equal tensors, and initial values are often equal."""
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(tensor + torch.empty_like(tensor).uniform_(0, 0.1))
    return model


def unfilled(architecture: Architecture, symbols: int) -> Recognizer:
    """The network of an architecture in its final form, on the meta device: with shapes and without values."""
    with without_initialisation():
        model = final(build_recognizer(architecture, symbols))
    assert isinstance(model, Recognizer)
    return model
