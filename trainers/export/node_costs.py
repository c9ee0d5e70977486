"""The bytes of the nodes of each kind of module, measured on exports.

Decisions:
- One export of a network gives the costs of all its parts, because torch names each node after its module.
- `node_costs.json` beside this file has the costs of all built-in components (`benchmarks/size_estimate/learn.py` writes it). A
  part that is not in it, such as a new component, is exported when a process first meets it, which takes about a second.
- A constant is written once, however many nodes read it (`constants.merge_constants`), so constants are identified by value.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from onnx import TensorProto, numpy_helper
from torch import nn

from trainers.export.constants import CONSTANT
from trainers.export.inventory import parts_of
from trainers.export.names import shorten
from trainers.export.onnx_file import INPUT, OUTPUT
from trainers.export.precision import channel_axes
from trainers.export.protobuf import NAME_BYTES, field_bytes

TABLE = Path(__file__).with_name("node_costs.json")
"""The costs of all built-in components."""


@dataclass(frozen=True)
class Constant:
    """A constant tensor of the code: an index, a shape, a factor, a fixed filter.

    Attributes:
        name: digest of type, dimensions and value.
        item_bytes: bytes of one element.
        is_float: whether it is fp32, so that the precision of the file applies to it.
        shape: its dimensions.
        axes: as in `inventory.Weight`.
    """

    name: str
    item_bytes: int
    is_float: bool
    shape: tuple[int, ...]
    axes: tuple[int, ...] | None


@dataclass(frozen=True)
class Cost:
    """The cost of the code of one module, without the parts inside it.

    Attributes:
        node_bytes: bytes of its nodes.
        constants: constants that its nodes read.
    """

    node_bytes: int
    constants: frozenset[Constant]


def costs_in(model: Any, module: nn.Module) -> dict[str, Cost]:
    """Measures the costs of a network's parts on its simplified graph.

    Args:
        model: from `onnx_file.simplified_graph`.
        module: the network that it was exported from, in its final form.

    Returns:
        `Part.code` to cost.
    """
    code_of = {part.path: part.code for part in parts_of(module)}
    constants = _constants(model.graph)
    short = copy.deepcopy(model)
    shorten(short)
    for node in short.graph.node:  # a module that reads the input or gives the output here may be elsewhere in another network
        node.input[:] = ["a" * NAME_BYTES if name == INPUT else name for name in node.input]
        node.output[:] = ["a" * NAME_BYTES if name == OUTPUT else name for name in node.output]
    node_bytes = dict.fromkeys(code_of, 0)
    read: dict[str, set[Constant]] = {path: set() for path in code_of}
    for node, shortened in zip(model.graph.node, short.graph.node, strict=True):
        path = place_of(node.name, module)
        while path not in code_of:
            path = path.rpartition(".")[0]
        node_bytes[path] += field_bytes(shortened.ByteSize())
        read[path].update(constants[name] for name in node.input if name in constants)
    found: dict[str, Cost] = {}
    for path, code in code_of.items():
        if (
            code not in found or node_bytes[path] > found[code].node_bytes
        ):  # attributes such as `group` take a byte more or less
            found[code] = Cost(node_bytes[path], frozenset(read[path]))
    return found


def _constants(graph: Any) -> dict[str, Constant]:
    """The constants of a graph, by name."""
    axes = channel_axes(graph)
    found = {}
    for tensor in graph.initializer:
        if tensor.doc_string == CONSTANT:
            value = numpy_helper.to_array(tensor)
            text = f"{tensor.data_type}{list(tensor.dims)}".encode() + value.tobytes()
            found[tensor.name] = Constant(
                name=sha256(text).hexdigest()[:8],
                item_bytes=value.itemsize,
                is_float=tensor.data_type == TensorProto.FLOAT,
                shape=tuple(tensor.dims),
                axes=axes.get(tensor.name),
            )
    return found


def place_of(node: str, module: nn.Module) -> str:
    """The path of the module whose code made a node, found from the node's name.

    torch names a node after the calls around it: `/backbone/blocks.0/conv/Conv`. The name of a list that is called, such as a
    `Sequential`, is repeated before the names of its items (`/stem/stem.0/Conv`). A list that is not called is missing. The
    second call of a module adds a number (`/act_1/Relu`).
    """
    path = ""
    for word in node.split("/")[1:-1]:
        path = _next_place(path, word, module)
    return path


def _next_place(path: str, word: str, module: nn.Module) -> str:
    inside = module.get_submodule(path)
    for name in (word, re.sub(r"_\d+$", "", word)):
        tail = _tail(path)
        candidates = [f"{path}.{name}" if path else name]
        if tail and name.startswith(f"{tail}."):
            candidates.append(path[: len(path) - len(tail)] + name)
        for candidate in candidates:
            if _has(module, candidate):
                return candidate
        for below, _ in inside.named_modules():
            if below.endswith(f".{name}") or below == name:
                return f"{path}.{below}" if path else below
    return path


def _tail(path: str) -> str:
    """The end of a path, from the last word that is not a number: `a.blocks.0.1` -> `blocks.0.1`."""
    found = re.search(r"[^.]*[^.\d][^.]*(\.\d+)*$", path)
    return found.group() if found else ""


def _has(module: nn.Module, path: str) -> bool:
    try:
        module.get_submodule(path)
    except AttributeError:
        return False
    return True


@cache
def known_costs() -> dict[str, Cost]:
    """`Part.code` to cost: the table, and the costs that this process has added."""
    if not TABLE.exists():
        return {}
    return read_table(json.loads(TABLE.read_text(encoding="utf-8")))


def read_table(table: Mapping[str, Any]) -> dict[str, Cost]:
    """Parses what `as_table` made."""
    constants = {
        name: Constant(name, item_bytes, is_float, tuple(shape), None if axes is None else tuple(axes))
        for name, (item_bytes, is_float, shape, axes) in table["constants"].items()
    }
    return {code: Cost(row[0], frozenset(constants[name] for name in row[1:])) for code, row in table["parts"].items()}


def as_table(costs: Mapping[str, Cost]) -> dict[str, Any]:
    """Converts costs to JSON values: each constant once, and for each part its bytes and the names of its constants."""
    constants = {c.name: [c.item_bytes, c.is_float, c.shape, c.axes] for cost in costs.values() for c in cost.constants}
    parts = {code: [cost.node_bytes, *sorted(c.name for c in cost.constants)] for code, cost in costs.items()}
    return {"constants": dict(sorted(constants.items())), "parts": dict(sorted(parts.items()))}
