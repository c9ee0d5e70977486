"""The HTTP server of `paretext serve`: an image in, its text out. Only this module imports starlette and uvicorn.

    POST /read    the bytes of an image file; answers {"text": ..., "confidence": ...}
    GET /ping     200 while it serves

Decisions:
- The body is the image itself, whatever content type is named, so that `curl --data-binary @line.png` is the whole request. For
  MLflow's own protocol there is `mlflow models serve`.
- A request that cannot be met is answered with one line of JSON: {"error": ...}.
"""

from __future__ import annotations

import socket

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from dashboards.views.addresses import family_of, not_opened
from trainers.base.errors import UserError
from trainers.base.images import decode_image
from trainers.inference.reader import Reader

HOW = "send the bytes of one image file as they are: curl --data-binary @FILE http://HOST:PORT/read"
"""What a request that is none is answered with."""
MOST_BODY_BYTES = 32 << 20
"""Size of a request that is read: a photograph of a line has some hundred kilobytes."""


def open_socket(host: str, port: int) -> socket.socket:
    """Opens a port to listen on.

    Args:
        host: address to listen on.
        port: TCP port; 0 is any free one.

    Raises:
        UserError: the port cannot be opened.
    """
    try:
        every = host == "::" and socket.has_dualstack_ipv6()  # the addresses of IPv4 as well
        return socket.create_server((host, port), family=family_of(host), dualstack_ipv6=every)
    except OSError as error:
        raise not_opened(host, port, error) from None


def serve(reader: Reader, listening: socket.socket) -> None:
    """Serves a model until the process is interrupted.

    Args:
        reader: of its file.
        listening: from `open_socket`.
    """
    uvicorn.Server(uvicorn.Config(make_app(reader), log_level="warning", lifespan="off")).run(sockets=[listening])


def make_app(reader: Reader) -> Starlette:
    """The application that answers requests with a reader."""

    def read_line(content: bytes) -> Response:
        try:
            (reading,) = reader.read([decode_image(content)])
        except UserError as error:
            return _refused(f"{error}; {HOW}", 400)
        return JSONResponse({"text": reading.text, "confidence": reading.confidence})

    async def read(request: Request) -> Response:
        content = bytearray()
        try:
            async for part in request.stream():
                content += part
                if len(content) > MOST_BODY_BYTES:
                    return _refused(f"the image is larger than {MOST_BODY_BYTES >> 20} MiB", 413)
        except ClientDisconnect:
            return _refused("the connection was closed before the image was complete", 400)
        return await run_in_threadpool(read_line, bytes(content))

    async def ping(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def elsewhere(_: Request, error: Exception) -> Response:
        return _refused(HOW, error.status_code if isinstance(error, HTTPException) else 404)

    routes = [Route("/read", read, methods=["POST"]), Route("/ping", ping)]
    return Starlette(routes=routes, exception_handlers={404: elsewhere, 405: elsewhere})


def _refused(reason: str, status: int) -> Response:
    return JSONResponse({"error": reason}, status_code=status)
