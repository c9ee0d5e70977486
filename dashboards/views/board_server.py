"""The web server behind `paretext dashboard`: optuna-dashboard's pages on 127.0.0.1."""

from __future__ import annotations

from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import optuna_dashboard

from studies.storage.backends import open_storage
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError

HOST = "127.0.0.1"
"""Bound to localhost: the dashboard has no password, and it can delete studies."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """A page that polls would bury the address under a line for each request."""

    def log_message(self, format: str, *args: Any) -> None: ...


def open_server(workspace: Workspace, port: int) -> WSGIServer:
    """Opens the port; the caller serves.

    Args:
        workspace: whose studies to show.
        port: TCP port on 127.0.0.1, 0 for a free one.

    Raises:
        UserError: the port cannot be opened.
    """
    app: Any = optuna_dashboard.wsgi(open_storage(workspace.optuna_url))
    try:
        return make_server(HOST, port, app, server_class=_Server, handler_class=_Quiet)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"port {port} cannot be opened ({reason}); give another with --port, 0 takes a free one") from None
