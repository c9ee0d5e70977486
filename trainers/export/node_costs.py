"""What the nodes of each kind of module cost in bytes, learned from exports.

Decisions:
- One export of a whole network teaches all its parts at once: torch names each node after the module it comes from.
- What is learned is kept in `node_costs.json` beside this file, for the whole catalog (`benchmarks/size_estimate/learn.py`
  makes it). A part that is not in it, such as a component somebody just wrote, is learned when it is first met, from one
  export of about a second, and remembered as long as the process lives.
- A constant is written once, however many nodes read it (`graph.merge_constants`), so constants are kept by value.
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


@dataclass(frozen=True)
class Constant:
    """A tensor that code writes out: an index, a shape, a factor, a fixed filter.

    Attributes:
        name: digest of type, dimensions and value.
        item_bytes: of one number.
        is_float: fp32, which precision may shrink.
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
    """What the code of one module brings into a file, its parts of their own not counted.

    Attributes:
        node_bytes: of its nodes.
        constants: what its nodes read that is no weight.
    """

    node_bytes: int
    constants: frozenset[Constant]


def costs_in(model: Any, module: nn.Module) -> dict[str, Cost]:
    """Costs of a network's parts by `Part.code`, from its simplified graph.

    Args:
        model: the graph, as `onnx_file.simplified_graph` gives it.
        module: what it was exported from, in its final form.
    """
    code_of = {part.path: part.code for part in parts_of(module)}
    constants = _constants(model.graph)
    short = copy.deepcopy(model)
    shorten(short)
    for node in short.graph.node:  # whoever comes first or last in this network need not in another
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
        if code not in found or node_bytes[path] > found[code].node_bytes:  # bytes of numbers such as `group` vary a little
            found[code] = Cost(node_bytes[path], frozenset(read[path]))
    return found


def _constants(graph: Any) -> dict[str, Constant]:
    """Name in the graph to constant."""
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
    """The module whose code made a node, by the node's name.

    torch names a node after the calls around it: `/backbone/blocks.0/conv/Conv`. A called list such as `Sequential` comes
    again at the head of what is in it (`/stem/stem.0/Conv`), one that is not called does not come at all, and a second
    call of a module adds a number (`/act_1/Relu`).
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
    """The end of a path from its last word that is not a number: `a.blocks.0.1` -> `blocks.0.1`."""
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
    """Everything learned so far, by `Part.code`; what this process learns is added to it."""
    if not TABLE.exists():
        return {}
    return read_table(json.loads(TABLE.read_text(encoding="utf-8")))


def read_table(table: Mapping[str, Any]) -> dict[str, Cost]:
    """The costs that `as_table` wrote."""
    constants = {
        name: Constant(name, item_bytes, is_float, tuple(shape), None if axes is None else tuple(axes))
        for name, (item_bytes, is_float, shape, axes) in table["constants"].items()
    }
    return {code: Cost(row[0], frozenset(constants[name] for name in row[1:])) for code, row in table["parts"].items()}


def as_table(costs: Mapping[str, Cost]) -> dict[str, Any]:
    """Costs as JSON has them: constants once, and for each part its bytes and the names of the constants it reads."""
    constants = {c.name: [c.item_bytes, c.is_float, c.shape, c.axes] for cost in costs.values() for c in cost.constants}
    parts = {code: [cost.node_bytes, *sorted(c.name for c in cost.constants)] for code, cost in costs.items()}
    return {"constants": dict(sorted(constants.items())), "parts": dict(sorted(parts.items()))}
