"""Shortens the names in a graph: the names that torch writes take more bytes than many a weight.

Decisions:
- All names have two characters, so that the bytes of parts add up, as the size estimate assumes.
- The names of the model's inputs and outputs stay: callers use them.
"""

from __future__ import annotations

import itertools
import string
from typing import Any

from trainers.export.edits import Graph, graphs_of

SYMBOLS = string.ascii_letters + string.digits
"""The characters of short names."""


def shorten(model: Any) -> None:
    """Gives every value a name of two characters (three after 3,844 names) and removes node names, comments and metadata."""
    graph = model.graph
    fixed = {v.name for v in itertools.chain(graph.input, graph.output)}
    fresh = ("".join(letters) for size in (2, 3) for letters in itertools.product(SYMBOLS, repeat=size))
    short: dict[str, str] = {}
    for name in itertools.chain((t.name for t in graph.initializer), _made_in(graph)):
        if name and name not in fixed and name not in short:
            short[name] = next(fresh)
    _rename_all(graph, short)
    del graph.value_info[:]
    graph.name = "g"
    graph.ClearField("doc_string")
    model.ClearField("doc_string")
    del model.metadata_props[:]


def _made_in(graph: Graph) -> list[str]:
    """Names of all values that nodes compute, including those in branches, in order."""
    names: list[str] = []
    for node in graph.node:
        for inner in graphs_of(node):
            names += [t.name for t in inner.initializer] + [i.name for i in inner.input] + _made_in(inner)
        names += list(node.output)
    return names


def _rename_all(graph: Graph, short: dict[str, str]) -> None:
    for tensor in graph.initializer:
        tensor.name = short.get(tensor.name, tensor.name)
        tensor.ClearField("doc_string")
    for node in graph.node:
        node.input[:] = [short.get(name, name) for name in node.input]
        node.output[:] = [short.get(name, name) for name in node.output]
        node.ClearField("name")  # an empty string would take bytes
        node.ClearField("doc_string")
        del node.metadata_props[:]
        for inner in graphs_of(node):
            inner.name = "g"
            inner.ClearField("doc_string")
            del inner.value_info[:]
            for value in itertools.chain(inner.input, inner.output):
                value.name = short.get(value.name, value.name)
            _rename_all(inner, short)
