"""A URL that names no storage, or one that cannot be opened, gives one line without its password, and makes no file."""

from __future__ import annotations

import pytest

from studies.storage.backends import open_storage
from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from trainers.base.errors import UserError

FORMS = "write sqlite:///FILE, journal:FILE or postgresql+psycopg://USER@HOST/NAME"

URLS = {
    "mysql://me:secret@host/x": FORMS,
    "mysql+pymysql://me:secret@host/x": FORMS,
    "oracle://me:secret@host/x": FORMS,
    "mssql://me:secret@host/x": FORMS,
    "http://me:secret@host/x": FORMS,
    "redis://me:secret@host:6379/0": FORMS,
    "postgresql+psycopg//me:secret@host/x": FORMS,
    "postgresql:me:secret@host": FORMS,
    "postgres://me:secret@host/x": FORMS,
    "postgresql": FORMS,
    "file:///x": FORMS,
    "SQLITE:///x.db": FORMS,
    "sqlite+pysqlite:///x.db": FORMS,
    "sqlite://": FORMS,
    "sqlite:": FORMS,
    "nonsense": FORMS,
    "me:secret@host/x": FORMS,
    "x?password=secret": FORMS,
    "host=h password=secret": FORMS,
    "postgresql%3A%2F%2Fme%3Asecret%40host": FORMS,
    "optuna.db": FORMS,
    "/x/optuna.db": FORMS,
    " ": FORMS,
    "sqlite:///": "names no file",
    "journal:": "names no file",
    "sqlite:///:memory:": "in memory is gone",
    "sqlite:///x.db?mode=ro": "has '?' in it",
    "sqlite:///a%20b/x.db": "has '%20' in it",
    "sqlite:///a{b}/x.db": "has '{' in it",
    "sqlite:////": "cannot be opened",
    "journal:.": "cannot be opened",
    "journal:~no-such-user/x": "home folder of a user who is not known",
    "postgresql+psycopg://me:secret@127.0.0.1:port/x": "its port is not a number",
    "postgresql+psycopg://me:secret@127.0.0.1:99999/x": "cannot be opened",
    "postgresql+psycopg://me:secret@127.0.0.1:1/x": "cannot be opened",
    "postgresql://me:secret@127.0.0.1:1/x": "cannot be opened",
    "postgresql+psycopg://127.0.0.1:1/x?password=secret": "cannot be opened",
    "postgresql+asyncpg://me:secret@host/x": "needs a driver that is not installed",
    "postgresql+pg8000://me:secret@host/x": "needs a driver that is not installed",
}
"""URL to what is said of it."""


@pytest.mark.parametrize(("url", "words"), URLS.items())
def test_a_url_that_names_no_storage_is_one_line(
    home: Workspace, paretext: Commands, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    monkeypatch.setenv("PARETEXT_STORAGE", url)
    before = sorted(home.folder.parent.rglob("*"))
    line = paretext.refused("front", "plates")
    assert words in line and "secret" not in line
    with pytest.raises(UserError) as caught:
        open_storage(url, print)
    assert words in str(caught.value) and "secret" not in str(caught.value)
    assert sorted(home.folder.parent.rglob("*")) == before, "nothing may be made for it"
