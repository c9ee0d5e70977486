"""The head of a network with thousands of characters, stored in several forms: which reads best for its bytes?

    python -m benchmarks.precision.head MODEL.onnx --data SOURCE --validation SOURCE

Only the matrix of the head is changed; all other weights stay as they are in the file, which should be an fp32 one. Forms:

coded_N      quantised with a step of N percent, in an entropy code (what a file with this precision has)
rank R       the best approximation of rank R (singular value decomposition); both factors coded with a step of 18 %
vectors D/K  each row in pieces of D weights, each piece one of K vectors that all rows share (k-means); the numbers of the
             vectors in log2 K bits each, the vectors and a scale for each row in fp16
rank R, vectors D/K  the larger factor of the approximation in such pieces, the smaller one coded

Bytes are those of the matrix: expected ones for what is coded (`coded_bytes`), counted ones for the others.
"""

from __future__ import annotations

import argparse
import copy
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper
from sklearn.cluster import MiniBatchKMeans

from trainers.data.dataset import prepare
from trainers.data.spec import DataSpec
from trainers.evaluation.measure import read_all
from trainers.evaluation.metrics import score
from trainers.evaluation.uncertainty import mcnemar_p
from trainers.export.coded.channels import step_values
from trainers.export.coded.storing import code_tensor, coded_bytes
from trainers.export.onnx_file import finished, write_bytes
from trainers.export.plain import plain_graph
from trainers.inference.reader import Reader

Matrix = NDArray[np.float32]
STEPS = (18, 35, 50, 70, 100)
RANKS = (96, 64, 48, 32, 24)
VECTORS = ((2, 256), (4, 4096), (4, 256), (8, 256))
RANK_STEP = 18
MOST_FITTED = 60_000
"""Pieces that k-means learns the vectors from."""


@dataclass(frozen=True)
class Form:
    """A matrix in one form.

    Attributes:
        name: of the form.
        matrix: what it decodes to, (symbols, features).
        size_bytes: what it takes.
    """

    name: str
    matrix: Matrix
    size_bytes: int


def coded(matrix: Matrix, percent: int) -> tuple[Matrix, int]:
    """A matrix after an entropy code with a step, and its bytes."""
    tensor = code_tensor("head", matrix, (0,), percent / 100)
    codes = tensor.channels
    decoded = (codes.codes * step_values(codes.exponents)[:, None]).astype(np.float32)
    return decoded.reshape(matrix.shape), coded_bytes(matrix.shape, (0,), percent / 100)


def in_vectors(matrix: Matrix, piece: int, vectors: int) -> tuple[Matrix, int]:
    """A matrix whose pieces are some of a few vectors, and its bytes."""
    rows, columns = matrix.shape
    scales = np.sqrt((matrix**2).mean(1, keepdims=True)).astype(np.float16).astype(np.float32)
    width = piece * math.ceil(columns / piece)
    scaled = np.zeros((rows, width), np.float32)
    scaled[:, :columns] = matrix / np.maximum(scales, 1e-9)
    pieces = scaled.reshape(-1, piece)
    chosen = np.random.default_rng(0).permutation(len(pieces))[:MOST_FITTED]
    means = MiniBatchKMeans(vectors, random_state=0, n_init=1, batch_size=4096, max_iter=60).fit(pieces[chosen])
    book = means.cluster_centers_.astype(np.float16).astype(np.float32)
    decoded = book[means.predict(pieces)].reshape(rows, width)[:, :columns] * scales
    size = math.ceil(len(pieces) * math.log2(vectors) / 8) + 2 * vectors * piece + 2 * rows
    return decoded, size


def forms(matrix: Matrix) -> Iterator[Form]:
    """The matrix in all forms."""
    yield Form("fp32", matrix, 4 * matrix.size)
    for percent in STEPS:
        yield Form(f"coded_{percent}", *coded(matrix, percent))
    for piece, vectors in VECTORS:
        yield Form(f"vectors {piece}/{vectors}", *in_vectors(matrix, piece, vectors))
    left, singular, right = np.linalg.svd(matrix, full_matrices=False)
    for rank in (rank for rank in RANKS if rank < min(matrix.shape)):
        root = np.sqrt(singular[:rank])
        tall, flat = left[:, :rank] * root, root[:, None] * right[:rank]
        flat_coded, flat_bytes = coded(flat.astype(np.float32), RANK_STEP)
        yield Form(f"rank {rank}", *_product(coded(tall.astype(np.float32), RANK_STEP), flat_coded, flat_bytes))
        piece, vectors = VECTORS[0]
        in_pieces = in_vectors(tall.astype(np.float32), piece, vectors)
        yield Form(f"rank {rank}, vectors {piece}/{vectors}", *_product(in_pieces, flat_coded, flat_bytes))


def _product(tall: tuple[Matrix, int], flat: Matrix, flat_bytes: int) -> tuple[Matrix, int]:
    return (tall[0] @ flat).astype(np.float32), tall[1] + flat_bytes


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a trained network, best in fp32")
    parser.add_argument("--data", required=True, help="source of the training lines, whose charset the file has")
    parser.add_argument("--validation", required=True, help="source of the lines that are read")
    parser.add_argument("--charset", help="file with a character in each row")
    given = parser.parse_args()
    metadata, graph = Reader(given.model).metadata, plain_graph(given.model)
    sources = {"training": given.data, "validation": given.validation, "charset": given.charset}
    spec = DataSpec(**sources, height_px=metadata.height_px, training_lines=100)
    with tempfile.TemporaryDirectory() as scratch:
        lines = prepare(spec, Path(scratch) / "cache").validation
        truths = [lines.text(i) for i in range(len(lines))]
        place, matrix, is_turned = _head(graph, len(metadata.charset) + 1)
        first: list[bool] = []
        print("| form of the head | its bytes | bits a weight | right | CER | lost | won | p |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|")
        for form in forms(matrix):
            changed = copy.deepcopy(graph)
            value = np.ascontiguousarray(form.matrix.T if is_turned else form.matrix, np.float32)
            name = changed.graph.initializer[place].name
            changed.graph.initializer[place].CopyFrom(numpy_helper.from_array(value, name))
            path = write_bytes(finished(changed, metadata, "fp32"), Path(scratch) / "head.onnx")
            texts = read_all(Reader(path), lines)
            right = [text == truth for text, truth in zip(texts, truths, strict=True)]
            first = first or right
            lost = sum(before and not now for before, now in zip(first, right, strict=True))
            won = sum(now and not before for before, now in zip(first, right, strict=True))
            found = score(truths, texts)
            print(
                f"| {form.name} | {form.size_bytes:,} | {8 * form.size_bytes / matrix.size:.2f} | {found.accuracy:.1%} | "
                f"{found.cer:.2%} | {lost} | {won} | {mcnemar_p(lost, won):.2g} |",
                flush=True,
            )


def _head(graph: object, classes: int) -> tuple[int, Matrix, bool]:
    """The head's matrix: its place among the initialisers, its values (classes, features), and whether it is stored turned."""
    for place, tensor in enumerate(graph.graph.initializer):  # type: ignore[attr-defined]
        if len(tensor.dims) == 2 and classes in tensor.dims:
            is_turned = tensor.dims[1] == classes
            values = numpy_helper.to_array(tensor).astype(np.float32)
            return place, values.T if is_turned else values, is_turned
    raise SystemExit(f"the file has no matrix with {classes} outputs")


if __name__ == "__main__":
    main()
