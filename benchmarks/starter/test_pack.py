"""A training's averaged weights become a file of the package, and networks begin with them."""

from __future__ import annotations

import json
import string
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.starter import pack, read
from benchmarks.starter.elastic import Choices, Family
from benchmarks.starter.train import Weights
from search_space import Architecture
from search_space.recognizer import build_recognizer
from trainers.data.dataset import prepare
from trainers.data.spec import DataSpec
from trainers.inherit.inherit import inherit
from trainers.inherit.starter import starter_for, starter_record
from trainers.training.ema import WeightAverage

CHARSET = tuple(string.digits + string.ascii_lowercase)
CHOICES = Choices((50, 25), ("fpn_a", "none"), ("svtr",), ("squeeze_excite",))
MAIN = Architecture(encoder_hidden=16, encoder_layers=1, encoder="svtr", neck="fpn_a")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Family]:
    """A folder as a training leaves it, and the family with the weights that were averaged last."""
    out = tmp_path_factory.mktemp("training")
    family = Family(MAIN, CHOICES, CHARSET, seed=3)
    average = WeightAverage(Weights(family), 0.999).state_dict()
    torch.save({"average": average, "weights": {}}, out / "mobilenetv3_small.pt")
    rows = [{"step": 500, "loss": 9.0}, {"step": 1000, "loss": 5.0, "cer_50": 0.25, "cer_100": 0.5, "accuracy_100": 0.1}]
    (out / "mobilenetv3_small.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (out / "charset.txt").write_text("".join(f"{symbol}\n" for symbol in CHARSET))
    (out / "lines").mkdir()
    (out / "lines" / "labels.txt").write_text("a.png\ta\n" * 12_000)
    return out, family


def pack_into(folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> Path:
    for name, value in (("CHOICES", {"mobilenetv3_small": CHOICES}), ("FAMILIES", {"mobilenetv3_small": MAIN})):
        monkeypatch.setattr(pack, name, value)
    monkeypatch.setattr(sys, "argv", ["pack", "--out", str(out), "--folder", str(folder), *options])
    pack.main()
    return next(folder.glob("*.family"))


@pytest.fixture
def packed(trained: tuple[Path, Family], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return pack_into(tmp_path / "packed", trained[0], monkeypatch, "--step", "0.05").parent


def test_packed_networks_are_those_of_the_training(packed: Path, trained: tuple[Path, Family]) -> None:
    for (neck, encoder, attention), network in trained[1].networks().items():
        child = build_recognizer(MAIN.with_(width_percent=50, neck=neck, encoder=encoder, attention=attention), len(CHARSET))
        relative = starter_for(child.architecture, packed)
        assert relative is not None and relative.architecture.neck == neck
        assert inherit(child, CHARSET, relative).share == 1
        for (name, mine), theirs in zip(child.named_parameters(), network.parameters(), strict=True):
            error, scale = (mine - theirs).detach().pow(2).mean().sqrt(), theirs.detach().std(correction=0)
            assert error <= 0.04 * scale + 1e-3, name


def test_the_record_counts_lines_and_has_the_last_error_rate(packed: Path) -> None:
    record = starter_record(MAIN, packed)
    assert record is not None
    assert (record.weights.epochs, record.weights.lines, record.weights.cer) == (2, 24_000, 0.25)
    assert record.card["validation"] == {"cer_50": 0.25, "cer_100": 0.5, "accuracy_100": 0.1}


def test_shared_tensors_are_stored_once_and_what_is_left_out_takes_no_bytes(
    trained: tuple[Path, Family], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, family = trained
    whole = pack_into(tmp_path / "whole", out, monkeypatch)
    assert f" {sum(p.numel() for p in family.parameters()):,} weights, " in capsys.readouterr().out.splitlines()[-1]
    one = pack_into(tmp_path / "one", out, monkeypatch, "--necks", "none")
    narrow = pack_into(tmp_path / "narrow", out, monkeypatch, "--width", "25")
    assert max(one.stat().st_size, narrow.stat().st_size) < whole.stat().st_size
    relative = starter_for(MAIN, narrow.parent)
    assert relative is not None and relative.architecture.width_percent == 25


def test_networks_are_taken_from_a_packed_file(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Record and card stay; what other networks alone use takes no bytes."""
    file = next(packed.glob("*.family"))
    monkeypatch.setattr(
        sys,
        "argv",
        ["pack", "--packed", str(file), "--necks", "none", "--step", "0.05", "--folder", str(tmp_path / "one")],
    )
    pack.main()
    found, whole = starter_for(MAIN, tmp_path / "one"), starter_for(MAIN.with_(neck="none"), packed)
    assert found is not None and whole is not None and found.architecture.neck == "none"
    assert starter_record(MAIN, tmp_path / "one") != starter_record(MAIN, packed)
    assert starter_record(MAIN, tmp_path / "one").weights == starter_record(MAIN, packed).weights  # type: ignore[union-attr]
    for name, tensor in whole.state.items():
        assert torch.allclose(found.state[name], tensor, atol=0.04 * float(tensor.float().std(correction=0)) + 1e-3), name
    assert (tmp_path / "one" / file.name).stat().st_size < file.stat().st_size
    monkeypatch.setattr(sys, "argv", ["pack", "--packed", str(file), "--encoders", "gru", "--folder", str(tmp_path / "none")])
    with pytest.raises(SystemExit, match="no network has these components"):
        pack.main()
    assert not (tmp_path / "none").exists()


def test_a_cut_network_is_exported_and_read(packed: Path, tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c", "d"):
        Image.fromarray(rng.integers(0, 255, (32, 90, 3), dtype=np.uint8)).save(words / f"{name}.png")
    (words / "labels.txt").write_text("".join(f"{name}.png\t{name.upper()}'s\n" for name in "abcd"))
    lines = prepare(DataSpec(training=str(words), validation=str(words)), tmp_path / "cache", processes=1)
    sizes = []
    for width in (25, 50):
        found, size = read.read(MAIN.with_(width_percent=width, precision="int8"), "important", lines, 3, packed)
        assert found.lines == 3 and 0 <= found.accuracy <= 1
        sizes.append(size)
    assert 20_000 < sizes[0] < sizes[1]
    with pytest.raises(SystemExit, match="no starter weights for lcnet"):
        read.read(MAIN.with_(backbone="lcnet"), "first", lines, 3, packed)
