"""Stores the vectors of a file, such as biases, in one fp16 tensor: a small network has a hundred of them.

Cast and Split nodes turn them back into fp32 when the file is opened. A vector then takes two bytes per number and five or six
more, where a tensor and a Cast of its own take some thirty.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from trainers.export.coded.graph_builder import GraphBuilder
from trainers.export.names import shorten
from trainers.export.protobuf import NAME_BYTES, field_bytes

PREFIX = "vectors"
"""Beginning of the names of values: no name that torch writes begins so."""


def joined(vectors: Mapping[str, NDArray[np.float32]]) -> tuple[list[Any], list[Any]]:
    """Joins vectors.

    Args:
        vectors: name to numbers (n,) that fp16 can hold; at least one vector.

    Returns:
        Initialisers, and nodes that compute each vector under its name.
    """
    graph = GraphBuilder(PREFIX)
    halves = graph.constant(np.concatenate(list(vectors.values())), np.float16)
    sizes = graph.integers([value.size for value in vectors.values()])
    graph.nodes.append(helper.make_node("Split", [graph.cast(halves, onnx.TensorProto.FLOAT), sizes], list(vectors)))
    return graph.tensors, graph.nodes


def joined_bytes(size: int) -> int:
    """Bytes of a vector of `size` numbers, without its share of `fixed_bytes`."""
    return 2 * size + field_bytes(NAME_BYTES) + (1 if size < 256 else 2)


@cache
def fixed_bytes() -> int:
    """Bytes that joined vectors take besides `joined_bytes` of each."""
    sizes = (200, 200)
    initialisers, nodes = joined({str(i): np.zeros(size, np.float32) for i, size in enumerate(sizes)})
    model = helper.make_model(helper.make_graph(nodes, "g", [], [], initialisers))
    shorten(model)
    taken = sum(field_bytes(part.ByteSize()) for part in (*model.graph.initializer, *model.graph.node))
    return int(taken - sum(joined_bytes(size) for size in sizes))
