"""A study in a journal file or on a PostgreSQL server is the same study; a database that goes away loses nothing."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy
from optuna.storages.journal import JournalFileSymlinkLock
from optuna.trial import TrialState

from studies.run.study_renaming import rename_study
from studies.storage import journal_file
from studies.storage.backends import RetryingStorage, open_storage
from studies.storage.bulk_read import read_trials, sql_storage
from studies.storage.pareto_front import load_front, load_store
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.postgres import Server
from testing.scripted_engine import Killed, ScriptedEngine
from testing.small_studies import RecordingObserver, run_search, study
from trainers.base.errors import UserError


@pytest.fixture(params=["journal", "postgresql"])
def elsewhere(request: pytest.FixtureRequest, workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace whose studies are kept in another storage."""
    if request.param == "journal":
        return Workspace(workspace.folder, f"journal:{tmp_path / 'studies.journal'}")
    server: Server = request.getfixturevalue("server")
    with sqlalchemy.create_engine(server.url).connect() as connection:
        connection.execute(sqlalchemy.text("DROP SCHEMA public CASCADE"))
        connection.execute(sqlalchemy.text("CREATE SCHEMA public"))
        connection.commit()
    return Workspace(workspace.folder, server.url)


def test_a_search_continues_wherever_it_is_kept(elsewhere: Workspace) -> None:
    with pytest.raises(UserError, match="no study is called 's'"):
        load_front(elsewhere, "s")
    with pytest.raises(Killed):
        run_search(study(), elsewhere, None, ScriptedEngine(break_after=3))
    again, watcher = ScriptedEngine(), RecordingObserver()
    run_search(study(), elsewhere, watcher, again)
    trials = load_store(elsewhere, "s").trials(TrialState.COMPLETE)
    assert len(trials) == 5 and len({t.user_attrs["digest"] for t in trials}) == 5
    assert len(again.trained) == 3, "what was finished is not trained again"
    front = load_front(elsewhere, "s")
    assert front and not elsewhere.optuna_file.exists()

    rename_study(elsewhere, "s", "renamed")
    assert [(p.trial, p.accuracy) for p in load_front(elsewhere, "renamed")] == [(p.trial, p.accuracy) for p in front]
    assert all(Path(point.model).is_relative_to(elsewhere.models / "renamed") for point in load_front(elsewhere, "renamed"))
    storage = open_storage(elsewhere.optuna_url)
    if (tables := sql_storage(storage)) is not None:
        number = storage.get_study_id_from_name("renamed")
        assert read_trials(tables, number) == storage.get_all_trials(number), "what is read at once is what Optuna reads"
    assert (tables is None) == elsewhere.optuna_url.startswith("journal:")


def test_a_cut_off_journal_is_mended(tmp_path: Path) -> None:
    file = tmp_path / "studies.journal"
    StudyStore.create_or_open(open_storage(f"journal:{file}", print), study())
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"op_code": 4, "worker_')
    StudyStore.open(open_storage(f"journal:{file}", print), "s")
    assert file.read_bytes() == whole


@pytest.mark.parametrize(
    "content",
    [
        b"SQLite format 3\0" + bytes(range(256)),
        b"first line\nsecond line without an end",
        b'{"op_code": "a", "worker_id": 1}\n{"op_code',
        b'["op_code"]',
        b"no line end at all",
        b"\n\nx",
    ],
)
def test_a_file_that_is_not_a_journal_is_refused_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "precious"
    file.write_bytes(content)
    for notify in (print, None):
        with pytest.raises(UserError, match="is not a journal of Optuna"):
            open_storage(f"journal:{file}", notify)
    assert file.read_bytes() == content and list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("kept", [0, 3, 11, 40])
def test_a_journal_whose_first_line_was_cut_short_begins_anew(tmp_path: Path, kept: int) -> None:
    file = tmp_path / "studies.journal"
    StudyStore.create_or_open(open_storage(f"journal:{file}", print), study())
    file.write_bytes(file.read_bytes()[:kept])
    StudyStore.create_or_open(open_storage(f"journal:{file}", print), study())
    assert StudyStore.open(open_storage(f"journal:{file}"), "s").study.name == "s"


def test_a_journal_is_mended_under_the_lock_of_its_writers(tmp_path: Path) -> None:
    """A line that another process is still writing is no half line."""
    file = tmp_path / "studies.journal"
    StudyStore.create_or_open(open_storage(f"journal:{file}", print), study())
    whole = file.read_bytes()
    line = whole.splitlines(keepends=True)[0]
    writer = JournalFileSymlinkLock(str(file))
    writer.acquire()
    file.write_bytes(whole + line[:20])
    with ThreadPoolExecutor(1) as pool:
        mended = pool.submit(journal_file._remove_half_line, file)
        time.sleep(0.2)
        assert not mended.done() and file.read_bytes() == whole + line[:20]
        file.write_bytes(whole + line)
        writer.release()
        mended.result(timeout=30)
    assert file.read_bytes() == whole + line


def test_a_journal_that_is_damaged_in_the_middle_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "studies.journal"
    StudyStore.create_or_open(open_storage(f"journal:{file}", print), study())
    lines = file.read_bytes().splitlines(keepends=True)
    damaged = b"".join([lines[0], b"\0" * 30 + b"\n", *lines[1:]])
    file.write_bytes(damaged)
    with pytest.raises(UserError, match="is damaged"):
        StudyStore.open(open_storage(f"journal:{file}"), "s")
    assert file.read_bytes() == damaged


def test_two_processes_may_make_the_tables_of_a_new_home_at_the_same_time(tmp_path: Path) -> None:
    from multiprocessing import get_context

    with get_context("spawn").Pool(3) as pool:
        for home in range(3):
            assert pool.map(_open_new, [f"sqlite:///{tmp_path}/{home}/optuna.db"] * 3, chunksize=1) == [0, 0, 0]


def _open_new(url: str) -> int:
    return len(open_storage(url, print).get_all_studies())


def test_a_storage_that_cannot_be_opened_is_one_line_without_the_password(tmp_path: Path) -> None:
    for url, words in (
        ("postgresql+psycopg://me:secret@127.0.0.1:1/x", "cannot be opened"),
        ("nonsense", "cannot be opened"),
        (f"journal:{tmp_path}/file/x", "cannot be opened"),
    ):
        (tmp_path / "file").touch()
        with pytest.raises(UserError, match=words) as caught:
            open_storage(url)
        assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_call_is_made_again_until_the_database_is_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("studies.storage.backends.FIRST_PAUSE_S", 0.01)
    said: list[str] = []
    failures = iter([sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception("server closed the connection"))] * 3)

    def call(x: int) -> int:
        for failure in failures:
            raise failure
        return x

    storage = RetryingStorage(open_storage(f"sqlite:///{tmp_path}/x.db"), said.append)  # type: ignore[abstract]
    assert storage.retry(call, 5) == 5
    assert len(said) == 2 and "does not answer" in said[0] and "is back" in said[1]
    monkeypatch.setattr("studies.storage.backends.RETRY_LIMIT_S", 0.0)
    failures = iter([sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception("gone"))] * 9)
    with pytest.raises(UserError, match="run the same command again once it does, and the study resumes"):
        storage.retry(call, 5)
    with pytest.raises(KeyError):
        storage.get_study_id_from_name("nothing")


@pytest.mark.slow
def test_a_database_without_an_encoding_is_refused_and_stays_as_it_is(server: Server) -> None:
    urls, engine = {}, sqlalchemy.create_engine(server.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name, encoding in (("plain", "SQL_ASCII"), ("latin", "LATIN1"), ("text", "UTF8")):
            of_c = "LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name} ENCODING '{encoding}' {of_c}"))
            urls[name] = engine.url.set(database=name).render_as_string(hide_password=False)
    engine.dispose()
    for notify in (None, print):
        with pytest.raises(UserError, match=r"has the encoding SQL_ASCII.*ENCODING 'UTF8' TEMPLATE template0$"):
            open_storage(urls["plain"], notify)
    engine = sqlalchemy.create_engine(urls["plain"], connect_args={"client_encoding": "utf8"})
    with engine.connect() as connection:
        assert not sqlalchemy.inspect(connection).get_table_names()
    engine.dispose()
    for name in ("latin", "text"):
        StudyStore.create_or_open(open_storage(urls[name], print), study())
        assert StudyStore.open(open_storage(urls[name]), "s").study.name == "s"


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_server_that_is_away_for_a_while_loses_nothing(server: Server, workspace: Workspace) -> None:
    """It is stopped in the middle of a study, as by a crash, and started again."""
    away = Workspace(workspace.folder, server.url)
    watcher, engine = RecordingObserver(), ScriptedEngine()
    wait, waits = engine.wait, iter(range(100))

    def stop_now(timeout_s: float) -> list[object]:
        if next(waits) == 3:
            server.kill()
            threading.Timer(6.0, server.start).start()
        return list(wait(timeout_s))

    engine.wait = stop_now  # type: ignore[method-assign,assignment]
    started = time.monotonic()
    run_search(study(name="away"), away, watcher, engine)
    assert time.monotonic() - started > 6
    assert any("does not answer" in note for note in watcher.notes) and any("is back" in note for note in watcher.notes)
    trials = load_store(away, "away").trials()
    assert sum(t.state == TrialState.COMPLETE for t in trials) == 5
    assert not [t for t in trials if t.state == TrialState.RUNNING]
