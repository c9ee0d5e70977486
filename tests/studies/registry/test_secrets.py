"""A password in a URL reaches no message, log, file of the workspace, attribute of Optuna, run of MLflow or command line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from studies.engines.local import LocalEngine
from studies.registry.run_tracker import RunTracker
from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from trainers.base.errors import UserError, fault_of

SECRET = "hunter2"
URLS = {
    "userinfo": f"postgresql+psycopg://u:{SECRET}@127.0.0.1:1/x",
    "userinfo of http": f"http://u:{SECRET}@127.0.0.1:1",
    "a token": f"https://{SECRET}@127.0.0.1:1",
    "a parameter": f"postgresql+psycopg://127.0.0.1:1/x?password={SECRET}",
    "a parameter of http": f"http://127.0.0.1:1/x?api_key={SECRET}",
    "without a scheme": f"u:{SECRET}@127.0.0.1:1/x",
    "a slip": f"http//u:{SECRET}@127.0.0.1:1/x",
    "a slip in postgresql": f"postgresql+psycopg//u:{SECRET}@127.0.0.1:1/x",
    "one slash": f"http:/u:{SECRET}@127.0.0.1:1/x",
    "no slash": f"postgresql:u:{SECRET}@127.0.0.1/x",
    "percent-encoded in part": f"postgresql+psycopg://u:%40%2F{SECRET}@127.0.0.1:1/x",
    "percent-encoded": f"postgresql%3A%2F%2Fu%3A{SECRET}%40127.0.0.1%2Fx",
}
"""Forms of a URL with a password, none of which opens anything."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace folder below the current one."""
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PARETEXT_STORAGE", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def check_files(folder: Path) -> None:
    """No name and no content below a folder may hold the password."""
    files = list(folder.rglob("*"))
    assert not [file for file in files if SECRET in str(file.relative_to(folder))]
    assert not [file for file in files if file.is_file() and SECRET.encode() in file.read_bytes()]


STORAGE, TRACKING = ("PARETEXT_STORAGE", ("front", "plates")), ("MLFLOW_TRACKING_URI", ("export", "plates", "x.onnx"))
"""A variable that holds a URL, and a command that opens it."""
PLACES = [(form, *STORAGE) for form in URLS]
PLACES += [(form, *TRACKING) for form, url in URLS.items() if not url.startswith("postgresql+psycopg:")]  # tried for 100 s


@pytest.mark.parametrize(("form", "variable", "command"), PLACES)
def test_a_message_shows_no_password(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    variable: str,
    command: tuple[str, ...],
) -> None:
    monkeypatch.setenv(variable, URLS[form])
    assert SECRET not in Commands(capsys).refused(*command)
    check_files(home.parent)


@pytest.mark.parametrize("form", URLS)
def test_the_reason_of_a_failed_training_holds_no_password(form: str) -> None:
    for error in (RuntimeError(f"{URLS[form]} failed"), OSError(URLS[form]), UserError(f"'{URLS[form]}' is wrong")):
        assert SECRET not in fault_of(error).reason


def test_notes_about_a_tracking_server_hold_no_password(home: Path) -> None:
    notes: list[str] = []
    tracker = RunTracker(Workspace(home, None, URLS["userinfo of http"]).prepare(), "s", notes.append)
    tracker.start({"name": "s"}, {})
    tracker.finish()
    assert notes and SECRET not in str(notes)


@pytest.mark.slow
def test_params_and_tags_of_mlflow_hold_no_password(home: Path) -> None:
    workspace = Workspace(home).prepare()
    tracker = RunTracker(workspace, "s", pytest.fail)
    tracker.start({"name": "s", **{f"data.{at}": url for at, url in enumerate(URLS.values())}}, {})
    for number, url in enumerate(URLS.values()):
        tracker.log_trial(number, {"backbone": "lcnet"}, None, "failed", None, {"reason": url})
    tracker.finish()
    content = workspace.mlflow_file.read_bytes()
    assert b"u:***@127.0.0.1" in content
    check_files(home)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads command lines from Linux's /proc")
def test_the_command_line_of_a_worker_holds_no_password(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everyone on the machine can read it; the environment can only be read by the same user."""
    monkeypatch.setenv("PARETEXT_STORAGE", URLS["userinfo"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", URLS["userinfo of http"])
    engine = LocalEngine(1)
    try:
        engine.start()
        line = Path(f"/proc/{engine.processes[0].pid}/cmdline").read_text()
    finally:
        engine.close()
    assert "multiprocessing.forkserver" in line and SECRET not in line
