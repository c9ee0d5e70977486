"""A file appears under its name complete and flushed to the disk, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainers.base.atomic_write import atomic_write, move_durably


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What the system is asked for, in order: the call, and the inode that it is about."""
    made: list[tuple[str, int]] = []

    def record(name: str, inode: Callable[..., int]) -> None:
        real = getattr(os, name)

        def call(*args: Any) -> Any:
            made.append((name, inode(*args)))
            return real(*args)

        monkeypatch.setattr(os, name, call)

    record("fsync", lambda descriptor: os.fstat(descriptor).st_ino)
    record("replace", lambda source, _: Path(source).stat().st_ino)
    return made


def inode_of(path: Path) -> int:
    return path.stat().st_ino


def test_a_file_is_flushed_before_it_is_moved_and_its_name_afterwards(tmp_path: Path, calls: list[tuple[str, int]]) -> None:
    path = tmp_path / "model.onnx"
    with atomic_write(path) as temporary:
        assert temporary.parent == tmp_path and not path.exists()
        temporary.write_bytes(b"weights")
    assert path.read_bytes() == b"weights" and list(tmp_path.iterdir()) == [path]
    assert calls == [("fsync", inode_of(path)), ("replace", inode_of(path)), ("fsync", inode_of(tmp_path))]


def test_a_new_folder_is_flushed_too(tmp_path: Path, calls: list[tuple[str, int]]) -> None:
    with atomic_write(tmp_path / "models" / "study" / "model.onnx") as temporary:
        temporary.write_bytes(b"weights")
    flushed = [inode for name, inode in calls if name == "fsync"]
    assert {inode_of(tmp_path), inode_of(tmp_path / "models"), inode_of(tmp_path / "models" / "study")} <= set(flushed)


def test_a_block_that_raises_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="half way"), atomic_write(path) as temporary:
        temporary.write_text("ne")
        raise ValueError("half way")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_is_moved_with_all_its_files_flushed(tmp_path: Path, calls: list[tuple[str, int]]) -> None:
    building = tmp_path / "entry.building"
    building.mkdir()
    for name in ("index.json", "w00320.bin"):
        (building / name).write_bytes(b"x")
    move_durably(building, tmp_path / "entry")
    moved = calls.index(("replace", inode_of(tmp_path / "entry")))
    flushed = {inode for name, inode in calls[:moved] if name == "fsync"}
    assert {inode_of(path) for path in (tmp_path / "entry").iterdir()} <= flushed
    assert calls[moved + 1 :] == [("fsync", inode_of(tmp_path))]


def test_two_writers_of_one_process_or_of_one_process_number_do_not_meet(tmp_path: Path) -> None:
    """Containers that share a folder have the same few process numbers."""
    path = tmp_path / "table.csv"
    with atomic_write(path) as first, atomic_write(path) as second:
        assert first != second
        first.write_text("one")
        second.write_text("two")
    assert path.read_text() == "one" and list(tmp_path.iterdir()) == [path]
