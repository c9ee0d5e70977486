"""Builds the nodes and initialisers of a small graph. A call adds a node and returns the name of what the node computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


class GraphBuilder:
    """Nodes and initialisers, made one after the other, each under a new name.

    Args:
        prefix: beginning of all names.

    Attributes:
        nodes: made so far, in order.
        tensors: initialisers made so far.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []
        self._names: dict[tuple[object, ...], str] = {}

    def constant(self, value: Any, kind: Any) -> str:
        """The name of a constant; equal constants are written once."""
        array = np.asarray(value, kind)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._names:
            self._names[key] = f"{self._prefix}.{len(self._names)}"
            self.tensors.append(numpy_helper.from_array(array, self._names[key]))
        return self._names[key]

    def integers(self, values: Sequence[int]) -> str:
        """The name of an int64 tensor (n,) that is stored in the narrowest type that holds it."""
        kind = next(k for k in (np.uint8, np.uint16, np.uint32, np.int64) if max(values) <= np.iinfo(k).max)
        return self.cast(self.constant(values, kind), onnx.TensorProto.INT64)

    def cast(self, value: str, kind: int) -> str:
        """The name of a value in another type."""
        return self.node("Cast", value, to=kind)

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """The name of an operator's only output."""
        output = f"{self._prefix}.n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def flat(self, value: str) -> str:
        """The name of a value with one dimension."""
        return self.node("Reshape", value, self.constant([-1], np.int64))

    def split(self, value: str, sizes: str, count: int, names: Mapping[int, str] | None = None) -> list[str]:
        """The names of the `count` pieces of a value (n,).

        Args:
            value: name of what is split.
            sizes: name of the pieces' sizes.
            count: how many pieces there are.
            names: number of a piece to the name that it gets; the others get new ones.
        """
        given = names or {}
        pieces = [given.get(i, f"{self._prefix}.n{len(self.nodes)}.{i}") for i in range(count)]
        self.nodes.append(helper.make_node("Split", [value, sizes], pieces))
        return pieces

    def owners(self, counts: str, number: int, total: int) -> str:
        """The name of 0 repeated counts[0] times, then 1 repeated counts[1] times ...: (total,), int32.

        Args:
            counts: name of `number` whole numbers of at least 1, whose sum is `total`.
            number: how many they are.
            total: their sum.
        """
        first = self.node("CumSum", counts, self.constant(0, np.int64), exclusive=1)
        marks = self.node("ScatterElements", self.filled(total, 0, np.int32), first, self.filled(number, 1, np.int32))
        return self.node("Sub", self.node("CumSum", marks, self.constant(0, np.int64)), self.constant(1, np.int32))

    def filled(self, size: int, value: int, kind: Any) -> str:
        """The name of a tensor (size,) with the same value everywhere: fewer bytes than ConstantOfShape."""
        return self.node("Expand", self.constant(value, kind), self.constant([size], np.int64))
