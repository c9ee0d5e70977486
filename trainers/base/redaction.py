"""Removes passwords and tokens from text that is shown, logged or stored.

Whatever may hold the URL of a storage, of a tracking server or of a shared folder goes through `redact`: messages for the user,
the log of a study, and the params, tags and descriptions of MLflow.
"""

from __future__ import annotations

import re

MASK = "***"
"""What is shown in place of a secret; SQLAlchemy shows passwords in the same way."""
_PASSWORD = re.compile(r"((?://|:/)[^\s/:@'\"]*(?::|%3A))[^\s@'\"]+(?:@[^\s/@'\"]+)*@", re.IGNORECASE)
"""The user and the password of a URL, also of one whose scheme is missing or has a slip, such as `http//` or `http:/`. A
password that is not percent-encoded may hold an @, or a slash (SQLAlchemy)."""
_BARE_PASSWORD = re.compile(r"((?:^|(?<=[\s'\"(=,]))[^\s/:@'\"(=,]+:)(?!/)[^\s@'\"]+(?:@[^\s/@'\"]+)*@(?=[^\s@'\"])")
"""`user:password@host` without anything before it. A password that begins with a slash is not seen: `models:/name@champion`."""
_ENCODED = re.compile(r"(%3A%2F%2F)\S*?%40", re.IGNORECASE)
"""User and password of a URL that is percent-encoded as a whole, as in the query of another URL."""
_TOKEN = re.compile(r"(https?(?::/?/?|//))[^\s/:@'\"]+@")
"""A token in the place of the user, as GitHub and DagsHub take it."""
_PARAMETER = re.compile(
    r"((?:^|[\s?&;'\"]|%3F|%26)[\w.-]*(?:password|passwd|pwd|token|secret|api_?key|signature|credential)[\w.-]*(?:=|%3D))[^&;\s'\"]+",
    re.IGNORECASE,
)
"""A secret in the query of a URL, such as `?password=` of PostgreSQL or the signature of a link to a bucket, or in a list of
parameters, such as `host=h password=p` of libpq."""

_SHOWN = {
    _PASSWORD: rf"\1{MASK}@",
    _BARE_PASSWORD: rf"\1{MASK}@",
    _ENCODED: rf"\1{MASK}%40",
    _TOKEN: rf"\1{MASK}@",
    _PARAMETER: rf"\1{MASK}",
}
"""Each pattern, and what is shown in place of what it finds."""


def redact(text: str) -> str:
    """Returns a text in which every password and token of a URL is replaced by `MASK`.

    Where it is not clear whether an @ ends a password or belongs to a path, it is taken to end a password.

    Args:
        text: a URL, or any text with URLs in it.
    """
    for pattern, shown in _SHOWN.items():
        text = pattern.sub(shown, text)
    return text
