"""Takes the weights of an exported file out of their storage: what is left is an ordinary fp32 network.

Decisions:
- Every node whose inputs are constants is computed, with ONNX Runtime, and replaced by its result. So this needs to know of no
  precision, and the file computes the same logits to the bit.
- Files of every precision and of earlier versions can be converted: nothing is built or traced again.
- The result is written again by `onnx_file.finished`, as fp32 or fp16, or coded with another step.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper

from search_space.architecture import RefusedArchitecture
from trainers.base.errors import UserError
from trainers.export.edits import graphs_of, read_by, set_nodes
from trainers.export.onnx_file import computed_from_initialisers, finished, write_bytes
from trainers.inference.model_metadata import decode_metadata
from trainers.inference.onnx_session import OnnxSession

PLAIN = ("fp32", "fp16")
"""Precisions that every runtime reads: fp16 has one Cast for each tensor."""


def plain_graph(path: Path) -> Any:
    """The fp32 network of an exported file, as `onnx_file.graph_of` gives it for a network that has just been trained.

    Args:
        path: a file that Paretext exported, in any precision.

    Raises:
        UserError: there is no such file, it is damaged, or another program made it.
    """
    decode_metadata(OnnxSession(path).metadata, str(path))
    model = onnx.load(path)
    graph = model.graph
    known = {tensor.name for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        given = read_by(node)
        if given and known.issuperset(given) and not graphs_of(node):
            known.update(node.output)
        else:
            kept.append(node)
    read = {name for node in kept for name in read_by(node)} | {output.name for output in graph.output}
    stored = {tensor.name: tensor for tensor in graph.initializer}
    computed = computed_from_initialisers(graph, sorted((read & known) - stored.keys()))
    tensors = [tensor for name, tensor in stored.items() if name in read]
    tensors += [numpy_helper.from_array(value, name) for name, value in computed.items()]
    copies = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in tensors]
    set_nodes(graph, kept)
    del graph.initializer[:]
    graph.initializer.extend(copies)
    return model


def write_plain(path: Path, target: Path, precision: str = "fp32") -> Path:
    """Writes an exported file as an ordinary file (`plain_bytes`), whole or not at all.

    Args:
        path, precision: as for `plain_bytes`.
        target: where to write.

    Returns:
        `target`.

    Raises:
        UserError: as for `plain_bytes`.
        OSError: the target cannot be written.
    """
    return write_bytes(plain_bytes(path, precision), target)


def plain_bytes(path: Path, precision: str = "fp32") -> bytes:
    """The bytes of an exported file as an ordinary fp32 or fp16 file, for runtimes that do not compute constants at opening.

    Args:
        path: a file that Paretext exported, in any precision.
        precision: one of `PLAIN`. With fp16 the weights are rounded once more, unless the file was fp16.

    Raises:
        UserError: the file cannot be converted, or the precision is none of `PLAIN`.
    """
    if precision not in PLAIN:
        raise UserError(f"a plain file is {' or '.join(PLAIN)}, not {precision}")
    model = plain_graph(path)
    try:
        return finished(model, decode_metadata(OnnxSession(path).metadata, str(path)), precision)
    except RefusedArchitecture as refused:
        raise UserError(f"the architecture that {path} names cannot be built: {refused}") from None
