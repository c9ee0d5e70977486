"""A disk that is full when a command writes its result: one line, and nothing half-made is left behind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studies.workspace.paths import Workspace
from testing.small_disk import small_disk
from testing.striped_lines import striped_lines, write_pairs
from trainers.base.atomic_write import whole_or_nothing

Paretext = Any
COMMANDS = [
    ("data digits DISK/out", 16),
    ("data digits DISK/new/out --count 60", 16),
    ("data render DISK/out --labels LINES --count 40 --processes 1", 12),
    ("data render DISK/out --labels LINES --count 80 --processes 2", 12),
    ("data check LINES --fix DISK/out", 4),
    ("data check TABLE --fix DISK/out", 8),
    ("data check LINES --sheet DISK/sheet.png", 4),
    ("front plates --plot DISK/front.png", 4),
    ("export plates DISK/model.onnx --trial 3", 8),
    ("report plates --html DISK/report.html", 64),
]
"""What is written onto a disk, and its size in KiB."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Lines as files, and in a table of Hugging Face, from which `--fix` writes images."""
    pa = pytest.importorskip("pyarrow", reason="needs the package pyarrow")
    from pyarrow import parquet

    folder = tmp_path_factory.mktemp("sources")
    write_pairs(folder / "lines", striped_lines(120, 0))
    (folder / "table").mkdir()
    images = [path.read_bytes() for path in sorted((folder / "lines").glob("*.png"))]
    parquet.write_table(pa.table({"image": images, "text": ["abc"] * len(images)}), folder / "table" / "train.parquet")
    return {"LINES": str(folder / "lines"), "TABLE": str(folder / "table")}


@pytest.mark.parametrize(("words", "kib"), COMMANDS, ids=[words for words, _ in COMMANDS])
def test_a_full_disk(paretext: Paretext, tmp_path: Path, sources: dict[str, str], words: str, kib: int) -> None:
    disk = tmp_path / "disk"
    for name, place in {**sources, "DISK": str(disk)}.items():
        words = words.replace(name, place)
    with small_disk(disk, kib) as said:
        answer = paretext(*words.split())
        left = sorted(path.relative_to(disk).as_posix() for path in disk.rglob("*"))
    *_, line = answer.err.strip().splitlines()
    assert answer.code == 2 and line.startswith("paretext: ") and said in line, answer.err
    assert left == [], "something half-made is left"


@pytest.mark.slow
def test_a_training_goes_on_from_its_checkpoint_once_there_is_room(
    paretext: Paretext, tmp_path: Path, sources: dict[str, str]
) -> None:
    disk, out = tmp_path / "disk", tmp_path / "disk" / "out"
    network, recipe = "width_percent=25,encoder_hidden=8,encoder_layers=1", "anytime,min_epoch_lines=0"
    words = ["train", network, "--data", sources["LINES"], "--lines", 24, "--recipe", recipe, "--epochs", 3, "--threads", 1]

    def run(free_kib: int) -> tuple[int, int, str]:
        """Exit code, trained epochs and the last line, with so much room."""
        room = os.statvfs(disk)
        (disk / "filler").write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - (free_kib << 10))))
        answer = paretext(*words, "--device", "cpu", "--out", out)
        (disk / "filler").unlink()
        assert not list(out.rglob("*.tmp")) and "Traceback" not in answer.err, answer.err
        return answer.code, answer.err.count("\nepoch "), answer.err.splitlines()[-1]

    with small_disk(disk, 8 << 10) as said:
        if said != "No space left on device":
            pytest.skip("needs the right to mount a tmpfs")
        for free_kib, epochs in ((0, 0), (2000, 1), (400, 0)):  # a checkpoint has 1.6 MB
            code, trained, line = run(free_kib)
            assert (code, trained) == (2, epochs), line
            met = "weights.json" if free_kib == 0 else "checkpoint.pt"
            assert said in line and met in line and line.endswith("; make room, then run the same command again")
            assert (out / "checkpoint.pt").exists() == (free_kib > 0)
        assert run(4 << 10)[:2] == (0, 2)
        for lost in (("model.onnx", "candidate.json"), ("curves.png",)):
            for name in lost:
                (out / name).unlink()
            code, trained, line = run(0)
            assert (code, trained) == (2, 0) and said in line and lost[0] in line, line
            assert run(4 << 10)[:2] == (0, 0) and all((out / name).is_file() for name in lost)


def test_a_picture_that_cannot_be_written_leaves_the_one_before(paretext: Paretext, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, 8):
        Image.new("L", (4, 4)).save(disk / "front.png")
        before = (disk / "front.png").read_bytes()
        assert paretext("front", "plates", "--plot", str(disk / "front.png")).code == 2
        assert (disk / "front.png").read_bytes() == before and len(list(disk.iterdir())) == 1


def test_what_was_in_a_folder_before_stays(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OSError, match="full"), whole_or_nothing(tmp_path):
        (tmp_path / "images").mkdir()
        (tmp_path / "images" / "0.png").write_bytes(b"x")
        (tmp_path / "labels.txt").write_text("half")
        raise OSError("full")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(KeyboardInterrupt), whole_or_nothing(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "0.png").write_bytes(b"x")
        raise KeyboardInterrupt
    assert (tmp_path / "a" / "b" / "0.png").exists(), "the same command continues"
