"""URLs of storages, as `PARETEXT_STORAGE` names them: which forms there are, and which file one means.

Decisions:
- Whatever is in no known form may hold a password anywhere, so a message shows no more of it than how it begins.
- SQLAlchemy, Optuna and MLflow take `?`, `{` and `%` with two digits in a path for something else: they would open a file of
  another name. So such a path is refused, here and for the workspace folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainers.base.errors import UserError
from trainers.base.printable import printable
from trainers.base.redaction import redact

FORMS = "sqlite:///FILE, journal:FILE or postgresql+psycopg://USER@HOST/NAME"
"""The forms of a URL, for messages."""
JOURNAL = "journal:"
"""Scheme of the URL of a journal file."""
SQLITE = "sqlite:///"
"""Beginning of the URL of a SQLite file."""
_SERVER = re.compile(r"postgresql(\+[a-z0-9]+)?://\S+")
_MISREAD = re.compile(r"[?{}]|%[0-9A-Fa-f]{2}")
"""What has a meaning of its own in a URL of SQLAlchemy or a template of Optuna."""


@dataclass(frozen=True)
class StorageUrl:
    """A URL in one of the known forms.

    Attributes:
        kind: of the storage.
        text: the URL.
        file: of a SQLite or journal file; None for a server.
    """

    kind: Literal["sqlite", "journal", "server"]
    text: str
    file: Path | None = None

    @property
    def shown(self) -> str:
        """The URL without passwords, for messages."""
        return redact(self.text)


def parse_storage_url(text: str) -> StorageUrl:
    """Parses a URL; whether anything is there is not looked at.

    Raises:
        UserError: the text has another form.
    """
    if text.startswith(JOURNAL):
        return StorageUrl("journal", text, _file(text, JOURNAL))
    if text.startswith(SQLITE):
        file = _file(text, SQLITE)
        if str(file) == ":memory:":
            raise UserError("a study database in memory is gone when the search ends; write sqlite:///FILE")
        check_path(file, "the study database")
        return StorageUrl("sqlite", text, file)
    if _SERVER.fullmatch(text):
        return StorageUrl("server", text)
    begins = printable(re.split(r"[:/@?&=\s%]", text.strip(), maxsplit=1)[0], 20)
    reason = f"it is no URL of a storage; write {FORMS}"
    raise UserError(f"PARETEXT_STORAGE, which begins with '{begins}', cannot be opened: {reason}")


def check_path(path: Path, what: str) -> None:
    """Raises UserError if a library would take a path for another one; `what` says of what it is the path."""
    if (found := _MISREAD.search(str(path))) is not None:
        raise UserError(
            f"the path of {what}, {printable(str(path), 300)}, has '{found[0]}' in it, which a URL takes for something else; "
            f"choose a path without '?', '{{', '}}' and '%' codes"
        )


def _file(text: str, scheme: str) -> Path:
    """The file of a URL."""
    written = text.removeprefix(scheme)
    if not written.strip():
        raise UserError(f"'{scheme}' names no file; write {FORMS}")
    try:
        return Path(written).expanduser() if scheme == JOURNAL else Path(written)
    except RuntimeError:
        raise UserError(f"'{printable(text, 100)}' names the home folder of a user who is not known here") from None
