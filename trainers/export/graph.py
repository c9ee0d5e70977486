"""Simplifies an exported graph without changing what it computes.

Decisions:
- Each rewrite is a few lines for one pattern, and leaves everything that does not match exactly.
- Node names (torch writes the module's path there) are kept, so that the size estimate can learn what each module costs;
  `names.shorten` removes them at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from trainers.export.attributes import drop_defaults
from trainers.export.constants import CONSTANT, constants_to_initializers, fold_constants, merge_constants
from trainers.export.edits import (
    Graph,
    Node,
    read_by,
    rename_inputs,
    set_initializers,
    set_nodes,
    values_of,
)
from trainers.inference.onnx_session import evaluate


def simplify(model: Any, examples: Sequence[Sequence[int]]) -> Any:
    """Simplifies a model in place and returns it.

    Removes Constant nodes, branches whose condition is known, zero initial states of recurrent layers, casts to the same type,
    unused nodes and initialisers, and attributes with their default value.

    Args:
        model: as torch exports it, with one input.
        examples: shapes of inputs that differ in every dynamic dimension.
    """
    graph = model.graph
    constants_to_initializers(graph)
    fold_constants(model)
    write_known_dimensions(model, examples)
    decide_branches(graph)
    fold_constants(model)
    drop_zero_states(graph)
    drop_same_casts(graph)
    drop_identities(graph)
    merge_constants(graph)
    drop_unused(graph)
    drop_defaults(graph, model.opset_import[0].version)
    return model


def write_known_dimensions(model: Any, examples: Sequence[Sequence[int]]) -> None:
    """Replaces each `Shape(x)[i]` that is the same for every input (a number of channels or rows) by its value.

    The values are found by running the examples, because ONNX's shape inference stops at the first computed shape.
    """
    graph = model.graph
    makers = {output: node for node in graph.node for output in node.output}
    asked = [n.output[0] for n in graph.node if n.op_type == "Gather" and _makes(makers.get(n.input[0])) == "Shape"]
    if not asked:
        return
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, None) for name in asked)
    drop_unused(probe.graph)
    found = evaluate(probe.SerializeToString(), [np.zeros(shape, np.float32) for shape in examples])
    known = {name: v[0] for name, *v in zip(asked, *found, strict=True) if all(np.array_equal(v[0], other) for other in v)}
    for name, value in known.items():
        tensor = numpy_helper.from_array(value, name)
        tensor.doc_string = CONSTANT
        graph.initializer.append(tensor)
    set_nodes(graph, [node for node in graph.node if node.output[0] not in known])


def _makes(node: Node | None) -> str:
    return "" if node is None else str(node.op_type)


def decide_branches(graph: Graph) -> None:
    """Replaces each `If` on whether a known dimension is 1 (torch writes one for `squeeze`) by the branch that is taken."""
    values = values_of(graph)
    makers = {output: node for node in graph.node for output in node.output}
    kept: list[Node] = []
    renamed: dict[str, str] = {}
    for node in graph.node:
        equal = makers.get(node.input[0]) if node.op_type == "If" else None
        if equal is None or equal.op_type != "Equal" or any(name not in values for name in equal.input):
            kept.append(node)
            continue
        truth = bool((values[equal.input[0]] == values[equal.input[1]]).all())
        branch = next(a.g for a in node.attribute if a.name == ("then_branch" if truth else "else_branch"))
        graph.initializer.extend(branch.initializer)
        kept.extend(branch.node)
        renamed |= {old: new.name for old, new in zip(node.output, branch.output, strict=True)}
    set_nodes(graph, kept)
    rename_inputs(graph, renamed)
    constants_to_initializers(graph)


def drop_zero_states(graph: Graph) -> None:
    """Removes initial states that are zero: recurrent layers start at zero without them."""
    values = values_of(graph)
    makers = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        if node.op_type not in ("GRU", "LSTM"):
            continue
        for i in range(5, min(7, len(node.input))):
            if _is_zero(node.input[i], makers, values):
                node.input[i] = ""
        while node.input and not node.input[-1]:
            del node.input[-1]


def _is_zero(name: str, makers: dict[str, Node], values: dict[str, NDArray[Any]]) -> bool:
    """Whether a value is zero everywhere, whatever its shape."""
    if name in values:
        return not values[name].any()
    node = makers.get(name)
    if node is None:
        return False
    if node.op_type == "ConstantOfShape":
        fill = [numpy_helper.to_array(a.t) for a in node.attribute if a.name == "value"]
        return not any(f.any() for f in fill)
    return node.op_type in ("Slice", "Expand", "Identity", "Reshape", "Unsqueeze") and _is_zero(node.input[0], makers, values)


def drop_same_casts(graph: Graph) -> None:
    """Removes casts of shapes to int64: shapes are int64 already, but torch casts them."""
    makers = {output: node for node in graph.node for output in node.output}
    renamed: dict[str, str] = {}
    kept = []
    for node in graph.node:
        if node.op_type == "Cast" and node.attribute[0].i == onnx.TensorProto.INT64 and _is_shape(node.input[0], makers):
            renamed[node.output[0]] = renamed.get(node.input[0], node.input[0])
        else:
            kept.append(node)
    set_nodes(graph, kept)
    rename_inputs(graph, renamed)


def drop_identities(graph: Graph) -> None:
    """Removes Identity nodes: torch writes one for every further use of a tensor that it has merged with an equal one."""
    outputs = {output.name for output in graph.output}
    renamed = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Identity" and n.output[0] not in outputs}
    set_nodes(graph, [node for node in graph.node if not (node.op_type == "Identity" and node.output[0] in renamed)])
    rename_inputs(graph, renamed)


def _is_shape(name: str, makers: dict[str, Node]) -> bool:
    """Whether a value is computed from shapes only, and so is int64."""
    node = makers.get(name)
    if node is None:
        return False
    if node.op_type == "Shape":
        return True
    if node.op_type == "Concat":
        return any(_is_shape(i, makers) for i in node.input)  # all inputs of a Concat have one type
    return node.op_type in ("Gather", "Slice", "Unsqueeze", "Squeeze") and _is_shape(node.input[0], makers)


def drop_unused(graph: Graph) -> None:
    """Removes nodes and initialisers that no output depends on, and the names of outputs that no node reads."""
    wanted = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if wanted.intersection(o for o in node.output if o):
            kept.append(node)
            wanted.update(read_by(node))
    read = {name for node in kept for name in read_by(node)} | {output.name for output in graph.output}
    for node in kept:
        for i, output in enumerate(node.output):
            if output not in read:
                node.output[i] = ""
        while len(node.output) > 1 and not node.output[-1]:
            del node.output[-1]
    set_nodes(graph, kept[::-1])
    set_initializers(graph, [t for t in graph.initializer if t.name in wanted])
