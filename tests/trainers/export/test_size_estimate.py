"""The size predicted before training is the size of the file, for every architecture that can be built."""

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from search_space.architecture import Architecture
from search_space.recognizer import build_recognizer
from search_space.rules import PRECISIONS
from testing.full_space import SYMBOL_COUNTS, drawn, full_space, with_each_value
from testing.random_weights import randomize_vectors
from testing.space_checks import size_tolerance
from testing.tiers import slow_after
from trainers.base.lineage import Ancestor, Lineage
from trainers.export.component_sizes import component_sizes
from trainers.export.inventory import parts_of, weights_of
from trainers.export.node_costs import TABLE, as_table, costs_in, place_of, read_table
from trainers.export.onnx_file import export, final, finished, ready, simplified_graph
from trainers.export.size_estimate import estimate_bytes, expected_metadata, framed_bytes, weight_bytes
from trainers.inference.reader import Reader


def largest_error(architecture: Architecture, symbols: int) -> float:
    """Error of the estimate as a fraction of what is allowed, the largest of all precisions."""
    model = ready(randomize_vectors(build_recognizer(architecture, symbols)))
    graph = simplified_graph(model, architecture.height_px)
    errors = []
    for precision in (*PRECISIONS, "coded_45"):
        stored = architecture.with_(precision=precision)
        copy = type(graph)()
        copy.CopyFrom(graph)
        size_bytes = len(finished(copy, expected_metadata(stored, symbols), precision))
        errors.append(abs(estimate_bytes(stored, symbols) / size_bytes - 1) / size_tolerance(precision))
    return max(errors)


@pytest.mark.parametrize("index", slow_after(1, range(4), thorough=1))
def test_estimate_is_within_one_percent_of_the_file_and_five_if_that_is_coded(index: int) -> None:
    architecture = next(islice(drawn(full_space(()), seed=11), index, None))
    assert largest_error(architecture, SYMBOL_COUNTS[index % len(SYMBOL_COUNTS)]) < 1, architecture


@pytest.mark.parametrize("first", slow_after(0, range(0, 6, 2), thorough=1))
def test_estimates_over_the_whole_space(first: int) -> None:
    """Six draws of all widths; `benchmarks/size_estimate` looks at hundreds."""
    far = {}
    for index, architecture in enumerate(islice(drawn(full_space(), seed=5), first, first + 2), first):
        error = largest_error(architecture, SYMBOL_COUNTS[index % len(SYMBOL_COUNTS)])
        if error >= 1:
            far[architecture.describe()] = error
    assert not far


def test_the_charset_is_counted(tmp_path: Path) -> None:
    """Three bytes for each of these characters, though the default takes the first 95 for ASCII."""
    architecture, charset = Architecture(width_percent=25), "".join(map(chr, range(0x4E00, 0x4E00 + 60)))
    metadata = expected_metadata(architecture, 60, charset)
    size_bytes = export(randomize_vectors(build_recognizer(architecture, 60)), tmp_path / "model.onnx", metadata).stat().st_size
    assert abs(estimate_bytes(architecture, 60, charset) - size_bytes) < 100
    assert 115 < estimate_bytes(architecture, 60, charset) - estimate_bytes(architecture, 60) < 125


def test_wider_and_more_precise_take_more_bytes() -> None:
    def size(**changes: object) -> int:
        return estimate_bytes(Architecture(**changes), 68)  # type: ignore[arg-type]

    assert size(width_percent=25) < size(width_percent=50) < size(width_percent=75)
    assert size(precision="int8") < size(precision="fp16") < size(precision="fp32")
    assert size(precision="int8") < 0.35 * size()


def test_parts_for_training_cost_nothing() -> None:
    plain = Architecture()
    assert estimate_bytes(plain.with_(auxiliary="attention_guide"), 68) - estimate_bytes(plain, 68) < 20  # its name alone


class Gate(nn.Module):
    """A part that no catalog has: called twice, with a branch that a switch decides."""

    def __init__(self, channels: int, doubled: bool) -> None:
        super().__init__()
        self.doubled = doubled
        self.mix = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.act = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.norm(self.mix(x)))
        return y * torch.sigmoid(y + y.exp()) if self.doubled else y


class Gates(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = nn.ModuleList([Gate(3, False), nn.Sequential(Gate(3, True), nn.Conv2d(3, channels, 1))])
        self.classes = nn.Linear(channels, 7)

    def forward(self, images: Tensor) -> Tensor:
        for gate in self.gates:
            images = gate(images)
        logits: Tensor = self.classes(images.mean(dim=2).transpose(1, 2))
        return logits


def test_what_is_learned_from_one_network_holds_for_another_width() -> None:
    small, wide = (final(randomize_vectors(Gates(channels))) for channels in (4, 90))
    costs = costs_in(simplified_graph(small, 32), small)
    assert {part.code for part in parts_of(small)} == {part.code for part in parts_of(wide)}
    graph = simplified_graph(wide, 32)
    metadata = expected_metadata(Architecture(), 6)
    nodes = sum(costs[part.code].node_bytes for part in parts_of(wide))
    constants = {c for part in parts_of(wide) for c in costs[part.code].constants}
    expected = nodes + sum(weight_bytes(w, "fp32") for w in weights_of(wide))
    expected += sum(8 * max(1, len(c.shape)) + 15 for c in constants)
    size_bytes = len(finished(graph, metadata, "fp32"))
    assert abs(framed_bytes(expected, metadata, "fp32") - size_bytes) < 20


def test_a_switch_makes_other_code() -> None:
    (plain,), (doubled,) = (parts_of(Gate(3, switch))[:1] for switch in (False, True))
    assert plain.code != doubled.code
    assert plain.code == parts_of(Gate(50, False))[0].code


def test_nodes_are_traced_to_their_modules() -> None:
    model = Gates(8)
    assert place_of("/gates.0/act/act.0/Conv", model) == "gates.0.act.0"
    assert place_of("/gates.1/gates.1.0/act/act.1_2/Relu", model) == "gates.1.0.act.1"
    assert place_of("/gates.1/gates.1.0/Mul_1", model) == "gates.1.0"
    assert place_of("/ReduceMean", model) == ""


def test_the_table_comes_back() -> None:
    model = final(randomize_vectors(Gates(8)))
    costs = costs_in(simplified_graph(model, 32), model)
    assert read_table(as_table(costs)) == costs


@pytest.mark.parametrize("count", slow_after(1, [1, 4], thorough=1))
@pytest.mark.parametrize("field", full_space().open_fields)
def test_the_table_holds_the_parts_of_every_value_of_every_field(field: str, count: int) -> None:
    """Or else each process learns them again, a second each; `python -m benchmarks.size_estimate.learn` adds them."""
    known = read_table(json.loads(TABLE.read_text(encoding="utf-8")))
    missing = {
        code: architecture.describe()
        for architecture in with_each_value(field, count)
        for code in component_sizes(architecture.with_(auxiliary="none", precision="fp32"), 10).codes
        if code not in known
    }
    assert not missing, "run: python -m benchmarks.size_estimate.learn"


@pytest.mark.parametrize("encoder", ["gru", "lstm", "svtr"])
@pytest.mark.parametrize("hidden", [16, 48, 128, 256])
def test_the_table_holds_encoders_of_all_widths(encoder: str, hidden: int) -> None:
    known = read_table(json.loads(TABLE.read_text(encoding="utf-8")))
    outline = component_sizes(Architecture(width_percent=25, encoder=encoder, encoder_hidden=hidden, encoder_layers=2), 10)
    assert outline.codes.keys() <= known.keys(), "run: python -m benchmarks.size_estimate.learn"


@pytest.mark.parametrize("name", ["starter", "study signs-of-the-harbour, trial 1234"])
def test_the_parent_of_inherited_weights_is_counted(tmp_path: Path, name: str) -> None:
    """Whatever the parent is called, the file has the bytes that were known before."""
    architecture = Architecture(width_percent=25)
    lineage = Lineage.of(0.9876, Ancestor(name, None, 1234, 56_789)).scalars
    plain = expected_metadata(architecture, 60)
    model = randomize_vectors(build_recognizer(architecture, 60))
    files = [
        export(model, tmp_path / f"{number}.onnx", metadata)
        for number, metadata in enumerate((plain, replace(plain, lineage=lineage)))
    ]
    more = estimate_bytes(architecture, 60, inherits=True) - estimate_bytes(architecture, 60)
    assert files[1].stat().st_size - files[0].stat().st_size == more
    assert Reader(files[1], 1).metadata.lineage == lineage
