"""A real search and a promotion on a disk that becomes full: one line, nothing lost, and the same command continues."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studies.run.study_log import read_log
from studies.storage.pareto_front import load_store
from studies.workspace.paths import Workspace
from testing.striped_lines import striped_lines, write_pairs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[3]
DISK_MIB = 160
"""What a search needs: 64 MiB are kept free by it, and MLflow's database is made."""
STUDY = """
name = "q"
data = { source = "lines", test = false, rendered = false }
budget = { trials = 2, epochs = 3 }
search = { sampler = "random", workers = 1 }
recipe = { preset = "anytime", min_epoch_lines = 120, flat_start_steps = 20 }
space = { width_percent = [25], encoder_hidden = [8, 16, 24], encoder_layers = [1], precision = ["fp16"] }
"""


class Disk:
    """A tmpfs that can be filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, leave_kib: int) -> None:
        with (self.folder / "filler").open("wb") as file:
            left = os.statvfs(self.folder)
            try:
                file.write(bytes(max(0, left.f_bavail * left.f_frsize - (leave_kib << 10))))
            except OSError:
                assert leave_kib == 0, "somebody else has written meanwhile"

    def make_room(self) -> None:
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder)], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield Disk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)


def environment(home: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "PARETEXT_HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}


def test_trainings_stop_with_one_line_and_continue(tmp_path: Path, disk: Disk) -> None:
    """The studies are elsewhere, since a search waits 15 minutes for a database whose disk is full."""
    (tmp_path / "study.toml").write_text(STUDY)
    write_pairs(tmp_path / "lines", striped_lines(150, 0))
    home, storage = disk.folder / "home", f"journal:{tmp_path / 'studies.journal'}"
    command = [sys.executable, "-m", "dashboards.cli.command_line", "search", "study.toml"]
    variables = environment(home, PARETEXT_STORAGE=storage)
    with (tmp_path / "said.txt").open("w") as said:
        driver = subprocess.Popen(command, cwd=tmp_path, env=variables, stdout=said, stderr=said)
    events, end = Workspace(home).log("q"), time.monotonic() + 300
    while not any(event["event"] == "epoch" for event in read_log(events)) and driver.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    disk.fill(0)
    code, words = driver.wait(300), (tmp_path / "said.txt").read_text()
    assert code == 2 and "No space left on device" in words and "the same command continues" in words, words
    assert "Traceback" not in words and not list(home.rglob("*.tmp"))
    before = load_store(Workspace(home, storage=storage), "q").stored_trials()
    assert not any(trial.outcome.name == "failed" for trial in before)
    disk.make_room()
    again = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=600)
    assert again.returncode in (0, 1), again.stderr
    after = load_store(Workspace(home, storage=storage), "q").stored_trials()
    assert [trial.outcome.name for trial in after if trial.counts_against_budget] == ["measured"] * 2


def test_promote_changes_nothing_and_works_once_there_is_room(
    disk: Disk, copy_of_shown_study: Callable[[Path], Workspace]
) -> None:
    home = copy_of_shown_study(disk.folder / "home").folder
    command = [sys.executable, "-m", "dashboards.cli.command_line", "promote", "shown"]
    disk.fill(200)
    full = subprocess.run(command, env=environment(home), capture_output=True, text=True, timeout=300)
    assert full.returncode == 2 and "Traceback" not in full.stderr and "full" in full.stderr, full.stderr
    assert len(full.stderr.strip().splitlines()) == 1
    disk.make_room()
    done = subprocess.run(command, env=environment(home), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "is now version 1" in done.stdout, done.stderr
