"""Removes passwords and tokens from text that is shown, logged or stored.

Whatever may hold the URL of a storage, of a tracking server or of a shared folder goes through `redact`: messages for the user,
the log of a study, and the params, tags and descriptions of MLflow.
"""

from __future__ import annotations

import re

MASK = "***"
"""What is shown in place of a secret; SQLAlchemy shows passwords in the same way."""
_PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'\"]*):[^\s@'\"]+(?:@[^\s/@'\"]+)*@")
"""The user and the password of a URL. A password that is not percent-encoded may hold an @, or a slash (SQLAlchemy)."""
_TOKEN = re.compile(r"(https?://)[^\s/:@'\"]+@")
"""A token in the place of the user, as GitHub and DagsHub take it."""
_PARAMETER = re.compile(
    r"([?&;][\w.-]*(?:password|passwd|pwd|token|secret|api_?key|signature|credential)[\w.-]*=)[^&;\s'\"]+", re.IGNORECASE
)
"""A secret in the query of a URL, such as `?password=` of PostgreSQL or the signature of a link to a bucket."""


def redact(text: str) -> str:
    """Returns a text in which every password and token of a URL is replaced by `MASK`.

    Where it is not clear whether an @ ends a password or belongs to a path, it is taken to end a password.

    Args:
        text: a URL, or any text with URLs in it.
    """
    if "://" not in text:
        return text
    return _PARAMETER.sub(rf"\1{MASK}", _TOKEN.sub(rf"\1{MASK}@", _PASSWORD.sub(rf"\1:{MASK}@", text)))
