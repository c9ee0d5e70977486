"""How many bytes the exported file will have, from the architecture alone: what a study asks before it trains anything.

Decisions:
- Same code as the exporter wherever there is a choice: the final form (`onnx_file.final`), how each tensor is stored
  (`precision.how_stored`), the file around them (`onnx_file.frame`). Only nodes are not written out but looked up
  (`node_costs`), since tracing them takes a second.
- Built on the meta device: weights have shapes and no numbers.
- What an architecture brings is remembered without its precision, which changes nothing but storage.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from search_space.architecture import Architecture
from search_space.recognizer import Recognizer, build_recognizer
from trainers.export.facts import ModelFacts
from trainers.export.inventory import Weight, parts_of, weights_of
from trainers.export.node_costs import Constant, Cost, costs_in, known_costs
from trainers.export.onnx_file import final, frame, simplified_graph
from trainers.export.precision import how_stored, stored_bytes
from trainers.export.protobuf import field_bytes, tensor_bytes
from trainers.export.shrinking import shrunk_weights

DIGEST = "0" * 16
NORMALISER = "none"
ASCII = "".join(map(chr, range(32, 127)))


@dataclass(frozen=True)
class Content:
    """What an architecture brings into its file, whatever the precision.

    Attributes:
        node_bytes: of all nodes but those that turn stored weights back.
        weights: kinds of float tensors and how many there are of each.
        constants: what code writes out.
    """

    node_bytes: int
    weights: tuple[tuple[Weight, int], ...]
    constants: frozenset[Constant]


def estimate_bytes(architecture: Architecture, symbols: int, charset: str | None = None) -> int:
    """Bytes of the file that `export` would write.

    Args:
        architecture: what would be trained; of a pruned one the size is expected, not exact (see `shrinking`).
        symbols: characters in the charset.
        charset: the characters; without them, the first 95 are taken for ASCII and the rest for three bytes each (Chinese).

    Raises:
        RefusedArchitecture: it cannot be built.
    """
    precision = architecture.precision
    content = content_of(architecture.with_(precision="fp32", auxiliary="none"), symbols)
    graph = content.node_bytes
    graph += sum(count * weight_bytes(weight, precision) for weight, count in content.weights)
    graph += sum(constant_bytes(constant, precision) for constant in content.constants)
    return framed_bytes(graph, expected_facts(architecture, symbols, charset), precision)


def weight_bytes(weight: Weight, precision: str) -> int:
    """Bytes of a weight and of the nodes that turn it back."""
    return stored_bytes(weight.shape, weight.axes, how_stored(weight.shape, weight.axes, precision))


def constant_bytes(constant: Constant, precision: str) -> int:
    """Bytes of a constant; fp32 ones are stored as weights are."""
    if constant.is_float:
        return weight_bytes(Weight(constant.shape, constant.axes), precision)
    return tensor_bytes(constant.shape, constant.item_bytes)


def typical_charset(symbols: int) -> str:
    """Characters that take as many bytes as a real charset of this size would."""
    return ASCII[:symbols] + "\u4e00" * max(0, symbols - len(ASCII))


def expected_facts(architecture: Architecture, symbols: int, charset: str | None = None) -> ModelFacts:
    """Facts that take as many bytes as those of a trained model will."""
    return ModelFacts(
        charset=tuple(charset if charset is not None else typical_charset(symbols)),
        normaliser=NORMALISER,
        height_px=architecture.height_px,
        time_stride=architecture.time_stride,
        architecture=architecture.as_dict(),
        digest=DIGEST,
        data_digest=DIGEST,
        decoding="attention" if architecture.head == "attention" else "ctc",
    )


def framed_bytes(graph_bytes: int, facts: ModelFacts, precision: str) -> int:
    """Bytes of a file whose nodes and weights take `graph_bytes`."""
    file = frame(facts, precision)
    ports: int = file.graph.ByteSize()
    return int(file.ByteSize()) - field_bytes(ports) + field_bytes(ports + graph_bytes)


@lru_cache(maxsize=4096)
def content_of(architecture: Architecture, symbols: int) -> Content:
    """Reads off an architecture's modules what its file holds; learns what unknown modules cost from an export."""
    model = unfilled(architecture, symbols)
    parts = parts_of(model)
    costs = known_costs()
    if any(part.code not in costs for part in parts):
        costs.update(learn(architecture, symbols))
    pruned = architecture.prune_percent
    kinds = Counter(shrunk_weights(model, architecture.prune_percent) if pruned else weights_of(model))
    return Content(
        node_bytes=sum(costs[part.code].node_bytes for part in parts),
        weights=tuple(kinds.items()),
        constants=frozenset().union(*(costs[part.code].constants for part in parts)),
    )


def learn(architecture: Architecture, symbols: int) -> dict[str, Cost]:
    """Costs of every module of an architecture, from one export."""
    model = final(with_numbers(build_recognizer(architecture, symbols)))
    return costs_in(simplified_graph(model, architecture.height_px), model)


def with_numbers(model: nn.Module) -> nn.Module:
    """Gives every weight values of its own, in place: torch merges tensors that are equal, as fresh ones often are."""
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(tensor + torch.empty_like(tensor).uniform_(0, 0.1))
    return model


def unfilled(architecture: Architecture, symbols: int) -> Recognizer:
    """The network of an architecture in its final form on the meta device: shapes without numbers."""
    with torch.device("meta"), _NoNumbers():
        model = final(build_recognizer(architecture, symbols))
    assert isinstance(model, Recognizer)
    return model


class _NoNumbers(TorchFunctionMode):
    """Lets nobody draw, fill in or add up numbers: on the meta device that tells nothing and takes most of the time."""

    DRAWN = frozenset({torch.randn, torch.rand})
    FILLED = frozenset(
        {nn.init.kaiming_uniform_, nn.init.kaiming_normal_, nn.init.uniform_, nn.init.normal_, nn.init.trunc_normal_}
        | {
            Tensor.normal_,
            Tensor.uniform_,
            Tensor.fill_,
            Tensor.zero_,
            Tensor.clamp_,
            Tensor.erfinv_,
            Tensor.add_,
            Tensor.copy_,
        }
    )
    ADDED_UP = frozenset({Tensor.add, Tensor.sub, Tensor.mul, Tensor.div, Tensor.sqrt, Tensor.pow, Tensor.__pow__})

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if function in self.DRAWN:
            return torch.empty(*args, **(kwargs or {}))
        if function in self.FILLED:
            return args[0] if args else (kwargs or {})["tensor"]
        if function is Tensor.__setitem__ and args[0].is_meta:
            return None
        if function in self.ADDED_UP and args[0].is_meta:
            return args[0].new_empty(_broadcast(*(given.shape for given in args if isinstance(given, Tensor))))
        return function(*args, **(kwargs or {}))


def _broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of an elementwise result; torch's own function for it is slow."""
    rank = max(map(len, shapes))
    return tuple(max(sizes) for sizes in zip(*((1,) * (rank - len(shape)) + tuple(shape) for shape in shapes), strict=True))
