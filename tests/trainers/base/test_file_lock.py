"""A lock is held by one process at a time and dies with it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trainers.base.file_lock import LockHeld, locked

HOLD = "import sys, time; from pathlib import Path; from trainers.base.file_lock import locked\n"
HOLD += "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"


def test_a_lock_is_held_by_one_and_released_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "locks" / "one.lock"
    with locked(file), pytest.raises(LockHeld), locked(file, wait=False):
        pass
    with locked(file, wait=False):
        pass
    assert file.exists()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "one.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(file)], stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    with pytest.raises(LockHeld), locked(file, wait=False):
        pass
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with locked(file, wait=False):
        assert file.exists()


def test_whoever_waits_gets_the_lock_once_it_is_released(tmp_path: Path) -> None:
    file, order = tmp_path / "one.lock", list[str]()

    def wait() -> None:
        with locked(file):
            order.append("second")

    waiting = threading.Thread(target=wait)
    with locked(file):
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_a_folder_that_cannot_be_created_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError), locked(tmp_path / "file" / "one.lock"):
        pass
