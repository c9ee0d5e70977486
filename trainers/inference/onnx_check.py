"""Looks at an ONNX file before ONNX Runtime gets it, since the file may be a stranger's. Needs no library.

Decisions:
- An ONNX file is data, and ONNX Runtime runs only operators that it brings. But a file may name others beside it (external
  data), functions and operators of other domains, and be nested so deeply that a parser in C++ ends the process. No file of
  Paretext does, so such a file is refused.
- Only the structure is read: fields of protobuf and their lengths, and of a tensor not its numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

MOST_BYTES = 512 << 20
"""Size of a file that is opened: line readers take kilobytes, the largest published ones 100 MB."""
MOST_DEPTH = 8
"""Levels of graphs within graphs; files of Paretext have one."""
MOST_NODES = 100_000
"""Nodes of all graphs together; the largest file of Paretext has some 2,000."""
_DOMAINS = (b"", b"ai.onnx", b"com.microsoft")
"""Domains of operators: ONNX's own, and those that ONNX Runtime brings."""


class UnsafeFile(ValueError):
    """What a file has that no model of Paretext has, in a few words."""


def check_onnx(data: bytes) -> None:
    """Checks the structure of a file.

    Args:
        data: its content.

    Raises:
        UnsafeFile: it is not an ONNX file, or has something that no model of Paretext has.
    """
    view, graphs = memoryview(data), 0
    try:
        for field, value in _fields(view):
            if field == 25:
                raise UnsafeFile("it brings functions of its own")
            if field == 7 and isinstance(value, memoryview):
                graphs += 1
                _check_graph(value, 1, [0])
    except (IndexError, OverflowError):
        raise UnsafeFile("it is cut short, or no ONNX file") from None
    if graphs != 1:
        raise UnsafeFile("it is no ONNX file, or has no network")


def _check_graph(graph: memoryview, depth: int, nodes: list[int]) -> None:
    """Checks a graph; `nodes` counts those of all graphs."""
    if depth > MOST_DEPTH:
        raise UnsafeFile("its graphs are nested too deeply")
    for field, value in _fields(graph):
        if not isinstance(value, memoryview):
            continue
        if field == 1:
            nodes[0] += 1
            if nodes[0] > MOST_NODES:
                raise UnsafeFile(f"it has more than {MOST_NODES:,} nodes")
            _check_node(value, depth, nodes)
        elif field == 5:
            _check_tensor(value)
        elif field == 15:
            raise UnsafeFile("it has sparse weights")


def _check_node(node: memoryview, depth: int, nodes: list[int]) -> None:
    for field, value in _fields(node):
        if not isinstance(value, memoryview):
            continue
        if field == 7 and bytes(value[:100]) not in _DOMAINS:
            raise UnsafeFile("it has operators of another program")
        if field == 5:
            for kind, held in _fields(value):
                if kind in (5, 10) and isinstance(held, memoryview):
                    _check_tensor(held)
                if kind in (6, 11) and isinstance(held, memoryview):
                    _check_graph(held, depth + 1, nodes)


def _check_tensor(tensor: memoryview) -> None:
    for field, value in _fields(tensor):
        if field == 13 or (field == 14 and value != 0):
            raise UnsafeFile("its weights are in another file")


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message in protobuf's encoding: number, and a number or the bytes.

    Raises:
        UnsafeFile: it is none.
        IndexError: it ends in the middle of a number.
    """
    at, end = 0, len(message)
    while at < end:
        tag, at = _number(message, at)
        kind = tag & 7
        value: int | memoryview = 0
        if kind == 0:
            value, at = _number(message, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        elif kind == 2:
            size, at = _number(message, at)
            value, at = message[at : at + size], at + size
        else:
            raise UnsafeFile("it is no ONNX file")
        if at > end:
            raise UnsafeFile("it is cut short, or no ONNX file")
        yield tag >> 3, value


def _number(message: memoryview, at: int) -> tuple[int, int]:
    """A number of up to ten bytes with seven bits each, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise UnsafeFile("it is no ONNX file")
