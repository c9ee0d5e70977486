"""No password and no token of a URL is shown."""

from __future__ import annotations

import pytest

from trainers.base.errors import one_line
from trainers.base.redaction import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:secret@host/x", "postgresql://me:***@host/x"),
        ("pg+psycopg://me:se/cret@host:5432/x?sslpassword=secret&a=1", "pg+psycopg://me:***@host:5432/x?sslpassword=***&a=1"),
        ("(http://user:sec@ret@mlflow:5000/api failed)", "(http://user:***@mlflow:5000/api failed)"),
        ("'https://secret@dagshub.com/a.mlflow'", "'https://***@dagshub.com/a.mlflow'"),
        ("a://u:secret@h and b://u:secret@h", "a://u:***@h and b://u:***@h"),
        ("http//u:secret@h failed", "http//u:***@h failed"),
        ("postgresql+psycopg//u:secret@h/db", "postgresql+psycopg//u:***@h/db"),
        ("http:/u:secret@h", "http:/u:***@h"),
        ("file:///home/me/http:/u:sec/ret@h", "file:///home/me/http:/u:***@h"),
        ("//u:secret@h", "//u:***@h"),
        ("u:secret@h:5432/db", "u:***@h:5432/db"),
        ("no storage 'u:sec@ret@h'", "no storage 'u:***@h'"),
        ("postgresql:u:secret@h", "postgresql:***@h"),
        ("https//secret@dagshub.com/a", "https//***@dagshub.com/a"),
        ("https:secret@dagshub.com/a", "https:***@dagshub.com/a"),
        ("postgresql://u:se%40cr%2Fet-secret@h/x", "postgresql://u:***@h/x"),
        ("postgresql://u%3Asecret@h/x", "postgresql://u%3A***@h/x"),
        ("http://a/?to=postgresql%3A%2F%2Fu%3Asecret%40h%2Fdb", "http://a/?to=postgresql%3A%2F%2F***%40h%2Fdb"),
        ("h/db?sslmode=require&password=secret", "h/db?sslmode=require&password=***"),
        ("a%3Fpassword%3Dsecret", "a%3Fpassword%3D***"),
        ("host=h password=secret user=u", "host=h password=*** user=u"),
        ("https://bucket/x?X-Amz-Signature=secret&X-Amz-Date=1", "https://bucket/x?X-Amz-Signature=***&X-Amz-Date=1"),
    ],
)
def test_secrets_are_masked(text: str, shown: str) -> None:
    assert redact(text) == shown and "secret" not in redact(text)
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "models:/reader@champion",
        "sqlite:////home/me/runs/mlflow.db",
        "http://127.0.0.1:5000/read",
        "s3://bucket/a",
        "a@b",
        "trial 7: 12:30, me@host",
        "/data/a:b@c.png",
        "s3://bucket/a:b@c",
        "tokens: 3",
        "host:4711 waits for models:/a@champion",
    ],
)
def test_what_holds_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_the_line_of_an_exception_holds_no_secret() -> None:
    assert one_line(OSError("http://u:secret@h does not answer")) == "OSError: http://u:***@h does not answer"
