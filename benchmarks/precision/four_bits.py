"""Four bits a weight for the head: what it saves, and what it costs, beside int8.

    python -m benchmarks.precision.four_bits MODEL.onnx --data SOURCE [--validation SOURCE]

MODEL.onnx is an exported fp32 file with a CTC head. Two codes lie in a byte, and standard operators that ONNX Runtime folds
when the file is opened turn them back (BitwiseAnd, BitShift, Concat, Cast, Sub, Mul): ONNX's own int4 type needs opset 21, and
its DequantizeLinear is not folded. Everything but the head is stored as in an int8 file.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from benchmarks.precision.accuracy import lines_of, reading_row
from trainers.export.facts import ModelFacts
from trainers.export.onnx_file import finished
from trainers.reader import Reader

SHRINKINGS = np.linspace(0.6, 1.0, 17)
"""Shares of the largest weight that the largest code may stand for; each block takes the one with the least squared error."""
LARGEST_BLOCK = 32


def quantize4(weight: NDArray[np.float32], block: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Codes 0 to 15 around 8, and scales.

    Args:
        weight: (D, V); the sum runs over D.
        block: rows that share a scale; divides D.

    Returns:
        Codes (D / block, block, V) and scales (D / block, 1, V).
    """
    blocks = weight.reshape(-1, block, weight.shape[1])
    largest = np.maximum(np.abs(blocks).max(axis=1, keepdims=True), 1e-12)
    best_error = np.full(largest.shape, np.inf, np.float32)
    best_scales = largest / 7
    for shrinking in SHRINKINGS:
        scales = (largest * shrinking / 7).astype(np.float32)
        restored = np.clip(np.rint(blocks / scales), -8, 7) * scales
        error = np.square(restored - blocks).sum(axis=1, keepdims=True)
        best_scales = np.where(error < best_error, scales, best_scales)
        best_error = np.minimum(error, best_error)
    codes = np.clip(np.rint(blocks / best_scales), -8, 7) + 8
    return codes.astype(np.uint8), best_scales.astype(np.float32)


def head_weight(graph: Any, classes: int) -> Any:
    """The initialiser (D, classes) that a matrix product of the head reads."""
    names = {node.input[1] for node in graph.node if node.op_type in ("MatMul", "Gemm")}
    found = [t for t in graph.initializer if t.name in names and list(t.dims)[1:] == [classes]]
    if len(found) != 1:
        raise SystemExit(f"the model has {len(found)} matrix products with {classes} outputs; this needs one, of a CTC head")
    return found[0]


def pack(model: Any, classes: int, block: int) -> None:
    """Puts the head's weight into half bytes, in place; `block` 0 means one scale a column."""
    graph = model.graph
    tensor = head_weight(graph, classes)
    name, weight = tensor.name, numpy_helper.to_array(tensor)
    codes, scales = quantize4(weight, block or weight.shape[0])
    half = codes.shape[0] * codes.shape[1] // 2
    rows = codes.reshape(-1, weight.shape[1])
    packed = rows[:half] | (rows[half:] << 4)
    graph.initializer.remove(tensor)
    constants = {"packed": packed, "low": np.uint8(15), "four": np.uint8(4), "eight": np.float16(8)}
    constants |= {"scales": scales.astype(np.float16), "blocks": np.array(codes.shape), "shape": np.array(weight.shape)}
    graph.initializer.extend(numpy_helper.from_array(np.asarray(v), f"{name}.{key}") for key, v in constants.items())
    steps = [
        ("BitwiseAnd", ["packed", "low"], "lower", {}),
        ("BitShift", ["packed", "four"], "upper", {"direction": "RIGHT"}),
        ("Concat", ["lower", "upper"], "codes", {"axis": 0}),
        ("Reshape", ["codes", "blocks"], "inblocks", {}),
        ("Cast", ["inblocks"], "numbers", {"to": onnx.TensorProto.FLOAT16}),
        ("Sub", ["numbers", "eight"], "centred", {}),
        ("Mul", ["centred", "scales"], "scaled", {}),
        ("Reshape", ["scaled", "shape"], "whole", {}),
    ]
    nodes = [helper.make_node(op, [f"{name}.{i}" for i in ins], [f"{name}.{out}"], **more) for op, ins, out, more in steps]
    nodes.append(helper.make_node("Cast", [f"{name}.whole"], [name], to=onnx.TensorProto.FLOAT))
    nodes += [onnx.NodeProto.FromString(node.SerializeToString()) for node in graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def left_unfolded(path: Path, folder: Path) -> int:
    """Operations on half bytes that ONNX Runtime would still run with every line."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    kinds = ("BitwiseAnd", "BitShift")
    return sum(node.op_type in kinds for node in onnx.load(folder / "optimised.onnx").graph.node)


def block_sizes(features: int) -> list[int]:
    """One scale a column, and one for the largest block of at most 32 rows that divides them."""
    return [0, max(b for b in range(1, LARGEST_BLOCK + 1) if features % b == 0)]


def four_bit_file(model: Path, facts: ModelFacts, block: int, path: Path) -> Path:
    """Writes the model with a head of half bytes and the rest as in int8."""
    loaded = onnx.load(model)
    pack(loaded, len(facts.charset) + 1, block)
    path.write_bytes(finished(loaded, facts, "int8"))
    return path


def main() -> None:
    """Prints a row for each way to store the head."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", type=Path, help="an exported fp32 file")
    arguments.add_argument("--data", required=True, help="source of the training lines, as the study has it")
    arguments.add_argument("--validation", help="source of the validation lines, where it is apart")
    arguments.add_argument("--cache", type=Path, default=Path("runs/cache"), help="where prepared lines lie (runs/cache)")
    given = arguments.parse_args()
    facts = Reader(given.model).facts
    truths, images = lines_of(facts, given.data, given.validation, given.cache)
    first = [reading.text for reading in Reader(given.model).read(images)]
    features = head_weight(onnx.load(given.model).graph, len(facts.charset) + 1).dims[0]
    with tempfile.TemporaryDirectory() as folder:
        for block in block_sizes(features):
            path = four_bit_file(given.model, facts, block, Path(folder) / f"{block}.onnx")
            unfolded = left_unfolded(path, Path(folder))
            label = f"int8, head 4 bits, {f'a scale for {block} rows' if block else 'a scale a column'}"
            print(reading_row(label, path, images, truths, first), f", {unfolded} operations left unfolded", sep="", flush=True)


if __name__ == "__main__":
    main()
