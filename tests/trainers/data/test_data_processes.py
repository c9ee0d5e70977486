"""Work spread over processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trainers.data.processes import parallel_map


def whose(number: int) -> tuple[int, int]:
    return number, os.getpid()


def refuse(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


def test_results_come_in_order_and_from_other_processes() -> None:
    results = list(parallel_map(whose, range(40), 2))
    assert [number for number, _ in results] == list(range(40))
    assert os.getpid() not in {pid for _, pid in results}


def test_one_process_is_this_one() -> None:
    assert {pid for _, pid in parallel_map(whose, range(4), 1)} == {os.getpid()}


def test_work_that_cannot_travel_is_done_here() -> None:
    assert list(parallel_map(lambda n: n + 1, range(5), 2)) == [1, 2, 3, 4, 5]


def test_a_mistake_in_the_work_is_the_callers() -> None:
    with pytest.raises(ValueError, match="three"):
        list(parallel_map(refuse, range(9), 2))


def test_a_script_without_a_main_guard_works(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from trainers.data.processes import parallel_map\nfrom operator import neg\n"
        "print(list(parallel_map(neg, range(3), 2)))\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert done.stdout == "[0, -1, -2]\n" and not done.stderr


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the states of processes from Linux's /proc")
def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = "import sys, time\nfrom trainers.data.processes import parallel_map\n"
    script += "from tests.trainers.data.test_data_processes import whose\n"
    script += "for _, pid in parallel_map(whose, range(9), 2):\n    print(pid, flush=True)\n    time.sleep(60)\n"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and Path(f"/proc/{worker}").exists():
        time.sleep(0.1)
    assert not Path(f"/proc/{worker}").exists() or " Z " in Path(f"/proc/{worker}/stat").read_text()
