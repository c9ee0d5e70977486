"""A Ray that a search starts imports nothing from the current folder and runs nothing for strangers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
HOSTILE = "open({ran!r}, 'a').close()\nraise ImportError('imported from the current folder')\n"
"""A module that lies in the folder where a search is started."""
SEARCH_HERE = """
from pathlib import Path
import sys
from studies.engines.ray_engine import RayEngine
from testing.engine_contract import count_epochs, job, until_ended
if __name__ == "__main__":
    engine = RayEngine(workers=1, run=count_epochs)
    engine.submit(1, job(Path(sys.argv[1]), epochs=1))
    print(type(until_ended(engine)[-1]).__name__, flush=True)
    import ray
    print(ray.get_runtime_context().gcs_address, flush=True)
    sys.stdin.readline()
    engine.close()
"""
STRANGER = """
import sys
import ray
ray.init(address=sys.argv[1], log_to_driver=False)
print("in:", ray.get(ray.remote(lambda: 42).remote()))
"""


def test_a_ray_that_is_started_here_imports_nothing_from_the_folder_and_answers_no_stranger(tmp_path: Path) -> None:
    here, home, ran = tmp_path / "here", tmp_path / "home", tmp_path / "ran"
    here.mkdir()
    home.mkdir()
    for name in ("numpy", "colorama", "trainers", "sitecustomize"):
        (here / f"{name}.py").write_text(HOSTILE.format(ran=str(ran)), encoding="utf-8")
    (tmp_path / "search.py").write_text(SEARCH_HERE, encoding="utf-8")
    (tmp_path / "stranger.py").write_text(STRANGER, encoding="utf-8")
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    searching = subprocess.Popen(
        [sys.executable, str(tmp_path / "search.py"), str(tmp_path / "trial")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=here, env=environment,
    )  # fmt: skip
    try:
        assert searching.stdin is not None and searching.stdout is not None
        assert searching.stdout.readline() == "TrialFinished\n" and not ran.exists()
        address = searching.stdout.readline().strip()
        stranger = subprocess.run(
            [sys.executable, str(tmp_path / "stranger.py"), address],
            capture_output=True, text=True, cwd=tmp_path, env={**environment, "HOME": str(home)}, timeout=150,
        )  # fmt: skip
        assert stranger.returncode != 0 and "in:" not in stranger.stdout
        assert "InvalidAuthToken" in stranger.stderr
        token = Path.home() / ".ray" / "auth_token"
        assert token.stat().st_mode & 0o077 == 0, "only this user reads the token"
        searching.stdin.write("\n")
        searching.stdin.close()
        assert searching.wait(timeout=60) == 0
    finally:
        searching.kill()
