"""Weights files: what is written is read, equal weights give equal bytes, and whatever else is read gives one clear line."""

from __future__ import annotations

import copy
import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save

from testing.relatives import CHARSET, SMALL, fresh, trained
from trainers.base.errors import UserError
from trainers.inherit.inherit import inherit
from trainers.inherit.relative import Relative
from trainers.inherit.weights_file import KEY, MOST_BYTES, MOST_HEADER_BYTES, WeightsRecord, read_weights, write_weights
from trainers.pruning.mask import cut_away
from trainers.pruning.torch_pruning_adapter import PruningGraph

RECORD = WeightsRecord(epochs=60, lines=48_000, cer=0.014, lineage=({"name": "starter", "epochs": 20, "sha256": None},))
SHAPES: tuple[dict[str, Any], ...] = (
    {},
    {"neck": "fpn_a", "attention": "coordinate", "encoder": "svtr", "auxiliary": "attention_guide"},
    {"head": "attention", "head_rank": 16, "rectifier": "tps"},
    {"backbone": "timm/mobilenetv3_small_100", "encoder": "none", "head": "ctc_low_rank", "head_rank": 16},
)


def relative(fields: dict[str, Any] | None = None) -> Relative:
    return Relative.of(trained(SMALL.with_(**(fields or {}))), CHARSET)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    file = tmp_path / "weights.safetensors"
    write_weights(file, relative(), RECORD)
    return file


def rewritten(file: Path, **changes: Any) -> None:
    """Changes values of the header."""
    content = file.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(json.loads(content[8 : 8 + size])["__metadata__"][KEY])
    file.write_bytes(save(load(content), {KEY: json.dumps({**header, **changes})}))


def same(found: Relative, expected: Relative) -> None:
    """Equal in everything but the rounding of matrices and kernels to fp16."""
    assert replace(found, state={}) == replace(expected, state={})
    assert set(found.state) == set(expected.state)
    for name, tensor in expected.state.items():
        rounded = tensor.half().float() if tensor.ndim > 1 else tensor
        assert found.state[name].dtype == tensor.dtype and torch.equal(found.state[name], rounded), name


@pytest.mark.parametrize("fields", SHAPES, ids=lambda fields: "-".join(map(str, fields.values())) or "default")
def test_what_is_written_is_read_and_inherited(tmp_path: Path, fields: dict[str, Any]) -> None:
    expected, file = relative(fields), tmp_path / "new" / "weights.safetensors"
    write_weights(file, expected, RECORD)
    found, record = read_weights(file)
    same(found, expected)
    assert record == RECORD and [path.name for path in file.parent.iterdir()] == [file.name]
    child = fresh(expected.architecture)
    assert inherit(child, CHARSET, found).share == 1
    assert all(torch.equal(tensor, found.state[name]) for name, tensor in child.named_parameters())


def test_a_pruned_network_is_read_with_its_cut(tmp_path: Path) -> None:
    architecture = SMALL.with_(prune_percent=30, prune_criterion="l1")
    network = trained(architecture)
    cut = cut_away(network, {g.name: g.channels // 3 for g in PruningGraph(copy.deepcopy(network)).groups()}, "l1")
    expected, file = replace(Relative.of(network, CHARSET, cut), nested=True), tmp_path / "pruned.safetensors"
    write_weights(file, expected, RECORD)
    found, _ = read_weights(file)
    same(found, expected)
    assert found.pruned == cut and 0 < inherit(fresh(architecture), CHARSET, found).share < 1


def test_equal_weights_give_equal_bytes(tmp_path: Path, written: Path) -> None:
    other, value = tmp_path / "other.safetensors", relative()
    write_weights(other, replace(value, state=dict(reversed(value.state.items()))), RECORD)
    assert other.read_bytes() == written.read_bytes()
    changed = {name: tensor + 1 if name == "head.classes.bias" else tensor for name, tensor in value.state.items()}
    write_weights(other, replace(value, state=changed), RECORD)
    assert other.read_bytes() != written.read_bytes()


def test_weights_beyond_the_range_of_fp16_keep_their_value(tmp_path: Path) -> None:
    value, file = relative(), tmp_path / "weights.safetensors"
    value.state["head.classes.weight"][3, 5] = 1e6
    write_weights(file, value, RECORD)
    assert torch.equal(read_weights(file)[0].state["head.classes.weight"], value.state["head.classes.weight"])


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written.read_bytes()

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_weights(written, relative(), RECORD.with_(epochs=61))
    assert written.read_bytes() == before and list(tmp_path.iterdir()) == [written]


def test_weights_that_are_not_finite_are_neither_written_nor_read(tmp_path: Path, written: Path) -> None:
    value = relative()
    value.state["head.classes.bias"][0] = float("nan")
    with pytest.raises(UserError, match=r"not written: head\.classes\.bias has values that are not finite"):
        write_weights(tmp_path / "other.safetensors", value, RECORD)
    content = written.read_bytes()
    written.write_bytes(content[:-64] + b"\xff" * 64)  # the end of a kernel, in fp16
    with pytest.raises(UserError, match="not finite"):
        read_weights(written)


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def huge_header(file: Path) -> None:
    file.write_bytes((MOST_HEADER_BYTES + 1).to_bytes(8, "little") + b"{" * (MOST_HEADER_BYTES + 100))


def header_without_end(file: Path) -> None:
    file.write_bytes((2**63).to_bytes(8, "little") + file.read_bytes()[8:])


def nested(file: Path) -> None:
    text = b"[" * 200_000
    file.write_bytes(len(text).to_bytes(8, "little") + text)


def of_another_program(file: Path) -> None:
    file.write_bytes(save({"a": torch.zeros(2)}, {"format": "pt"}))


def without_a_tensor(file: Path) -> None:
    header = json.loads(
        json.loads(file.read_bytes()[8 : 8 + int.from_bytes(file.read_bytes()[:8], "little")])["__metadata__"][KEY]
    )
    tensors = load(file.read_bytes())
    del tensors["head.classes.bias"]
    file.write_bytes(save(tensors, {KEY: json.dumps(header)}))


def too_large(file: Path) -> None:
    os.truncate(file, MOST_BYTES + 1)


def a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


FAULTS: tuple[tuple[Callable[[Path], object], str], ...] = (
    (lambda file: file.unlink(), "there is no weights file"),
    (lambda file: file.write_bytes(b""), "not a weights file of Paretext"),
    (lambda file: file.write_bytes(b"PK" + bytes(100)), "not a weights file of Paretext"),
    (of_another_program, "not a weights file of Paretext"),
    (nested, "not a weights file of Paretext"),
    (huge_header, "not a weights file of Paretext"),
    (header_without_end, "not a weights file of Paretext"),
    (truncated, "is damaged"),
    (without_a_tensor, "is damaged .*head.classes.bias"),
    (too_large, "larger than 512 MiB"),
    (a_pipe, "not a regular file"),
    (lambda file: rewritten(file, format=99), "has format 99, this version reads 1; update Paretext"),
    (lambda file: rewritten(file, architecture={"backbone": "vgg"}), "cannot be built: .*vgg"),
    (lambda file: rewritten(file, architecture={"width_percent": 10**9}), "cannot be built: width_percent"),
    (lambda file: rewritten(file, architecture=[1]), "is damaged"),
    (lambda file: rewritten(file, architecture={"width_percent": 50}), "is damaged .*not those of"),
    (lambda file: rewritten(file, charset=["a"] * 10), "is damaged .*a character twice"),
    (lambda file: rewritten(file, charset=["ab", 1]), "is damaged .*not a list of characters"),
    (lambda file: rewritten(file, charset=[chr(0x4E00 + i) for i in range(20_000)]), "is damaged .*20000 symbols"),
    (lambda file: rewritten(file, pruned={"backbone.nothing": [0]}), "is damaged"),
    (lambda file: rewritten(file, pruned={"backbone.nothing": "x"}), "is damaged"),
    (lambda file: rewritten(file, record={"epochs": -1, "lines": 0}), "is damaged .*epochs must be a whole number from 0 up"),
    (lambda file: rewritten(file, record={"epochs": 1, "lines": 0, "lineage": 3}), "is damaged .*lineage"),
)


@pytest.mark.parametrize(("fault", "message"), FAULTS)
def test_what_cannot_be_read_gives_one_line(written: Path, fault: Callable[[Path], object], message: str) -> None:
    fault(written)
    with pytest.raises(UserError, match=message) as raised:
        read_weights(written)
    assert str(written) in str(raised.value) and "\n" not in str(raised.value)


def test_a_file_that_may_not_be_read_is_named(written: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read every file")
    written.chmod(stat.S_IWUSR)
    with pytest.raises(UserError, match="cannot be read as weights: Permission denied"):
        read_weights(written)
