"""The web server of `paretext dashboard`: serves optuna-dashboard on 127.0.0.1."""

from __future__ import annotations

from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import optuna_dashboard

from studies.storage.backends import open_storage
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError

HOST = "127.0.0.1"
"""Only this machine can connect: the dashboard has no password, and it can delete studies."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """Does not log requests: the page polls, and its log lines would hide the address."""

    def log_message(self, format: str, *args: Any) -> None: ...


def open_server(workspace: Workspace, port: int) -> WSGIServer:
    """Opens a port; the caller serves.

    Args:
        workspace: of the studies to show.
        port: TCP port on 127.0.0.1; 0 is any free one.

    Raises:
        UserError: the port cannot be opened.
    """
    app: Any = optuna_dashboard.wsgi(open_storage(workspace.optuna_url))
    try:
        return make_server(HOST, port, app, server_class=_Server, handler_class=_Quiet)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"port {port} cannot be opened ({reason}); give another with --port, 0 takes a free one") from None
