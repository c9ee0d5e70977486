"""Takes a network out of a file that `export` wrote, as one that others may inherit from.

Decisions:
- Where each weight is in the file is found out by exporting a network of the same architecture whose weights are numbered
  (`trainers.export.marked_network`), node by node. Nothing in the file is executed but operators on its own tensors.
- Weights are as the file holds them: rounded in int8, int4 and coded files. BatchNorm is folded in a file, so its scales, which
  training and the choice of channels need, are measured again with training lines; what the network computes stays the same.
- Of a pruned file it is known how many channels each group has left, not which ones; for inheritance that is enough.
- Activations without weights are not compared: files with a neck of its first version have others, and the same weights.
- Files of other versions, whose graphs differ otherwise, and networks in which two weights are merged into one number
  (`acon_c`, timm families with branches) are refused.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from search_space.architecture import Architecture, RefusedArchitecture
from search_space.recognizer import Recognizer, build_recognizer
from trainers.base.errors import UserError
from trainers.batching.collate import DecodedLines
from trainers.export.edits import Graph, Node
from trainers.export.marked_network import Marks, marked, plain_norms
from trainers.export.onnx_file import computed_from_initialisers, graph_of
from trainers.inference.model_metadata import ModelMetadata, decode_metadata
from trainers.inference.onnx_session import OnnxSession
from trainers.inherit.relative import Relative
from trainers.pruning.mask import PrunedChannels, cut_again
from trainers.pruning.recalibrate import measure_folded_norms
from trainers.pruning.torch_pruning_adapter import PruningGraph

Values = dict[str, NDArray[Any]]

PLAIN_ACTIVATIONS = ("Relu", "HardSwish")
"""Operators without weights that the two versions of the necks (`search_space.necks`) have in different places."""


def relative_of_file(path: Path, lines: DecodedLines, at_most: int = 500) -> Relative:
    """The network of an exported file.

    Args:
        path: a file that Paretext exported, in any precision.
        lines: training lines at the height of the file's network; BatchNorm's statistics are measured with them.
        at_most: how many of them are looked at; 0 means all.

    Raises:
        UserError: there is no such file, Paretext did not export it or another version did, it cannot be taken apart, or the
            lines have another height.
    """
    metadata = decode_metadata(OnnxSession(path).metadata, str(path))
    if len(lines) and lines.image(0).shape[0] != metadata.height_px:
        raise UserError(
            f"{path} reads lines of {metadata.height_px} px, not {lines.image(0).shape[0]}; prepare the lines at that height"
        )
    try:
        architecture = Architecture.from_dict(metadata.architecture)
    except RefusedArchitecture as refused:
        raise UserError(f"the network of {path} cannot be built: {refused}") from None
    if architecture.height_px != metadata.height_px:
        raise UserError(f"{path} reads lines of {metadata.height_px} px, and its network those of {architecture.height_px} px")
    with torch.random.fork_rng(devices=[]):
        network = build_recognizer(architecture, len(metadata.charset))
    network.auxiliary = None
    network.contrast = metadata.contrast
    try:
        pruned = _restore(network, _Stored(onnx.load(path).graph), metadata)
    except ValueError as error:
        raise UserError(f"the weights of {path} cannot be taken apart ({error}); begin with its checkpoint instead") from None
    measure_folded_norms(network, lines, at_most)
    return Relative.of(network, metadata.charset, pruned)


class _Stored:
    """The nodes of a graph that compute with images, and the values that are known before.

    Args:
        graph: of a file, or of a network that is to be written.
    """

    def __init__(self, graph: Graph) -> None:
        self.values: Values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.nodes: list[Node] = []
        known = set(self.values)
        for node in graph.node:
            given = [name for name in node.input if name]
            if given and known.issuperset(given):
                known.update(node.output)
            elif node.op_type not in PLAIN_ACTIVATIONS:
                self.nodes.append(node)
        wanted = {name for node in self.nodes for name in node.input} & known - self.values.keys()
        self.values |= computed_from_initialisers(graph, sorted(wanted))

    def pairs(self, other: _Stored) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """The values that the nodes of both read, at the same places.

        Raises:
            ValueError: the graphs differ.
        """
        if [node.op_type for node in self.nodes] != [node.op_type for node in other.nodes]:
            raise ValueError("another version of Paretext or torch wrote it")
        if any(node.op_type == "BatchNormalization" for node in self.nodes):
            raise ValueError("it has BatchNorms that are not folded into a convolution")
        return [
            (self.values[name], other.values[matched_name])
            for node, matched in zip(self.nodes, other.nodes, strict=True)
            for name, matched_name in zip(node.input, matched.input, strict=True)
            if name in self.values and matched_name in other.values
        ]


def _restore(network: Recognizer, stored: _Stored, metadata: ModelMetadata) -> PrunedChannels | None:
    """Sets the weights of a newly built network to those of a file, after cutting it to the file's shapes.

    Returns:
        What was cut; None if nothing was.

    Raises:
        ValueError: the file's weights are not those of such a network.
    """
    pruned = None
    if network.architecture.prune_percent:
        pruned = _missing_channels(network, stored, metadata)
        cut_again(network, pruned)
    numbered, marks = marked(network)
    flat = np.full(marks.total, np.nan)
    for shown, value in _Stored(graph_of(numbered, metadata.height_px).graph).pairs(stored):
        places = marks.places(shown)
        if places is None:
            continue
        if places.shape != value.shape:
            raise ValueError(f"a tensor is {value.shape} instead of {places.shape}")
        flat[places] = value
    plain_norms(network)
    _write(network, marks, flat)
    return pruned


def _write(network: Recognizer, marks: Marks, flat: NDArray[np.float64]) -> None:
    """Sets the marked parameters."""
    parameters = dict(network.named_parameters())
    pieces = np.split(flat, np.cumsum(marks.sizes)[:-1])
    for name, piece in zip(marks.names, pieces, strict=True):
        if np.isnan(piece).any():
            raise ValueError(f"{name} is merged with others")
        with torch.no_grad():
            parameters[name].copy_(torch.from_numpy(piece).reshape(parameters[name].shape))


def _missing_channels(network: Recognizer, stored: _Stored, metadata: ModelMetadata) -> PrunedChannels:
    """A cut after which each group has as many channels as in the file: the last ones are removed."""
    numbered, marks = marked(network)
    starts = dict(zip(marks.names, np.cumsum((0, *marks.sizes[:-1])).tolist(), strict=True))
    rows: dict[int, int] = {}
    for shown, value in _Stored(graph_of(numbered, metadata.height_px).graph).pairs(stored):
        places = marks.places(shown)
        if places is not None and places.ndim == value.ndim > 1:
            rows[int(places.min())] = value.shape[0]
    removed = {}
    for group in PruningGraph(copy.deepcopy(network)).groups():
        left = rows.get(starts[f"{group.name}.weight"], group.channels)
        if left < group.channels:
            removed[group.name] = tuple(range(left, group.channels))
    return PrunedChannels(removed)
