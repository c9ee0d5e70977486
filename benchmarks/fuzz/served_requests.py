"""What a served model takes: bodies of `paretext serve`, and cells of the table that MLflow hands to the registered model."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
from PIL import Image

from dashboards.views.model_server import make_app
from studies.registry.pyfunc_model import COLUMN, LineReader
from testing.tiny_model import tiny_model
from trainers.inference.reader import Reader

FILE = tiny_model(Path(tempfile.mkdtemp(prefix="paretext-fuzz-")) / "tiny.onnx")
APP = make_app(Reader(FILE))
MODEL = LineReader()
MODEL._reader = Reader(FILE)


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (40, 16), 200).save(buffer, "PNG")
    return buffer.getvalue()


def seeds() -> Iterator[bytes]:
    text = base64.b64encode(_png()).decode()
    yield b"\x00" + _png()
    for value in ([text], f"data:image/png;base64,{text}", {COLUMN: [text]}, {COLUMN: [[text, text]]}, [[[0, 255], [9, 9]]]):
        yield b"\x01" + json.dumps(value).encode()
    yield b"\x01" + json.dumps({COLUMN: [[[[0, 1, 2]] * 4] * 4]}).encode()


async def _post(body: bytes) -> tuple[int, bytes]:
    """Sends a body to `/read` without a socket."""
    sent: list[dict[str, Any]] = []
    parts = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive() -> dict[str, Any]:
        return (
            {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)} if parts else {"type": "http.disconnect"}
        )

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/read", "raw_path": b"/read", "query_string": b"", "headers": []}
    await APP({**scope, "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "client": None}, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def try_one(data: bytes) -> None:
    if not data:
        return
    if data[0] % 2 == 0:
        status, answer = asyncio.run(_post(data[1:]))
        assert status in (200, 400, 413) and set(json.loads(answer)) in ({"text", "confidence"}, {"error"})
        return
    try:
        value = json.loads(data[1:])
    except (ValueError, RecursionError):
        return
    if isinstance(value, dict):
        try:
            value = pd.DataFrame({COLUMN: value.get(COLUMN)})
        except ValueError:  # no column can be made of it; MLflow answers that
            return
    elif not isinstance(value, list | str):
        return
    MODEL.predict(None, value)
