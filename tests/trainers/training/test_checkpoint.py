"""Checkpoints are written atomically, and one of another training is not used."""

import errno
from pathlib import Path

import pytest
import torch

from trainers.base.errors import fault_of
from trainers.training.checkpoint import CHECKPOINT_NAME, load_checkpoint, save_checkpoint

STATE = {"weights": torch.arange(4.0), "history": [{"epoch": 1, "loss": 0.5}], "eased": {}}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "trial", "this", STATE)
    held = load_checkpoint(tmp_path / "trial", "this")
    assert held is not None
    assert torch.equal(held["weights"], STATE["weights"])
    assert held["history"] == STATE["history"]


def test_another_trainings_checkpoint_is_not_taken(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, "this", STATE)
    assert load_checkpoint(tmp_path, "that") is None


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path, "this") is None


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
def test_a_damaged_checkpoint_is_none(tmp_path: Path, kept: float) -> None:
    save_checkpoint(tmp_path, "this", STATE)
    path = tmp_path / CHECKPOINT_NAME
    data = path.read_bytes()
    path.write_bytes(data[: int(kept if kept >= 1 else kept * len(data))])
    assert load_checkpoint(tmp_path, "this") is None
    path.write_bytes(b"not a checkpoint at all")
    assert load_checkpoint(tmp_path, "this") is None


def test_every_flipped_bit_is_noticed_and_said(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, "this", STATE)
    path = tmp_path / CHECKPOINT_NAME
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        said: list[str] = []
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        assert load_checkpoint(tmp_path, "this", said.append) is None, at
        assert len(said) == 1 and "is damaged" in said[0] and "\n" not in said[0]
    path.write_bytes(whole)
    assert load_checkpoint(tmp_path, "this", pytest.fail) is not None
    assert load_checkpoint(tmp_path, "that", pytest.fail) is None, "another training's is not damaged"
    assert load_checkpoint(tmp_path / "none", "this", pytest.fail) is None


def test_a_checkpoint_of_an_earlier_version_is_loaded(tmp_path: Path) -> None:
    torch.save({"identity": "this", "state": STATE}, tmp_path / CHECKPOINT_NAME)
    held = load_checkpoint(tmp_path, "this")
    assert held is not None and torch.equal(held["weights"], STATE["weights"])


def test_a_file_that_the_system_does_not_let_grow_is_its_fault_and_leaves_nothing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits the size of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            save_checkpoint(tmp_path, "this", {"weights": torch.zeros(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG and fault_of(caught.value).kind == "machine"
    assert list(tmp_path.iterdir()) == []


def test_a_save_that_is_cut_short_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, "this", STATE)

    def full_disk(self: Path, data: bytes) -> None:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(tmp_path, "this", {"weights": torch.zeros(1)})
    held = load_checkpoint(tmp_path, "this")
    assert held is not None and torch.equal(held["weights"], STATE["weights"])
    assert [p.name for p in tmp_path.iterdir()] == [CHECKPOINT_NAME]
