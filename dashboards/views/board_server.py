"""The web server of `paretext dashboard`: optuna-dashboard with the notes, plots and artifacts of Paretext.

Decisions:
- Renaming a study in the browser is refused: optuna-dashboard copies the trials without what Paretext keeps with a study;
  `paretext studies rename` renames its files, too.
- A dashboard for this machine alone answers only requests for its own names. A stranger's page in the same browser can make its
  own name lead here (DNS rebinding), and would then read and delete studies; its requests bear that name.
- Deleting a study in the browser is the same as `paretext studies delete`: its files go, too, and it is refused while it runs.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Collection, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import optuna_dashboard

from dashboards.views.addresses import LOCAL_NAMES, LOOPBACK, family_of, not_opened
from dashboards.views.board_artifacts import BoardArtifacts
from dashboards.views.board_filler import BoardFiller
from studies.optuna_internals.cached_trials import forget_cached_trials
from studies.storage.backends import Storage, open_storage
from studies.storage.stored_names import names_of_paretext
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError, one_line

HOST = LOOPBACK
"""Only this machine can connect: the dashboard has no password, and it can delete studies."""
FIRST_FILL_S = 3.0
"""Most seconds that the address waits for notes that are missing, so that the first page has them."""

_RENAME, _STUDY = re.compile(r"/api/studies/\d+/rename/?"), re.compile(r"/api/studies/(\d+)/?")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64  # a page asks for many pictures at once


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    """Does not log requests: the page polls, and its log lines would hide the address."""

    def log_message(self, format: str, *args: Any) -> None: ...


class _Guard:
    """Answers the requests that would leave a study half there, and passes the others on.

    Args:
        app: optuna-dashboard.
        workspace: of the studies.
        storage: of the studies.
        hosts: names under which it may be asked for; empty for any.
    """

    def __init__(
        self, app: Callable[..., Any], workspace: Workspace, storage: Storage, hosts: Collection[str] = LOCAL_NAMES
    ) -> None:
        self._app, self._workspace, self._storage, self._hosts = app, workspace, storage, hosts

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self._hosts and _name_of(environ.get("HTTP_HOST", "")) not in self._hosts:
            return _refused(start_response, "this dashboard answers only under the address that it has printed")
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if method == "POST" and _RENAME.fullmatch(path):
            return _refused(
                start_response, "a study of Paretext has files of its name: rename it with 'paretext studies rename'"
            )
        study = _STUDY.fullmatch(path)
        if method == "DELETE" and study is not None:
            try:
                forget_cached_trials(self._storage)  # with the name of a study that had this ID before
                name = self._storage.get_study_name_from_id(int(study[1]))
                if name in names_of_paretext(self._storage):
                    from studies.run.study_removal import delete_study  # a start does not wait for what only this needs

                    delete_study(self._workspace, name)
                    forget_cached_trials(self._storage)
                    start_response("204 No Content", [])
                    return []
            except KeyError:
                pass  # optuna-dashboard answers that there is none
            except (UserError, OSError) as error:
                return _refused(start_response, one_line(error))
        found: Iterable[bytes] = self._app(environ, start_response)
        return found


def open_server(workspace: Workspace, port: int, host: str = HOST, name: str | None = None) -> WSGIServer:
    """Opens a port and writes the notes that are missing; the caller serves.

    Args:
        workspace: of the studies to show.
        port: TCP port; 0 is any free one.
        host: address to listen on.
        name: of the study whose notes come first; None for all in their order.

    Raises:
        UserError: the port cannot be opened.
    """
    storage = open_storage(workspace.optuna_url)
    hosts = LOCAL_NAMES if host in LOCAL_NAMES else ()  # other machines may know this one by any name
    app: Any = optuna_dashboard.wsgi(storage, artifact_store=BoardArtifacts(workspace, storage))
    guard, kind = _Guard(app, workspace, storage, hosts), _Server6 if family_of(host) == socket.AF_INET6 else _Server
    try:
        server = make_server(host, port, guard, server_class=kind, handler_class=_Quiet)
    except OSError as error:
        raise not_opened(host, port, error) from None
    filler = BoardFiller(workspace, storage, name)
    threading.Thread(target=filler.run, name="board", daemon=True).start()
    filler.first.wait(FIRST_FILL_S)
    return server


def _name_of(host: str) -> str:
    """The name in a header `Host`, without the port."""
    return host.partition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0].lower()


def _refused(start_response: Callable[..., Any], reason: str) -> Iterable[bytes]:
    status = HTTPStatus.BAD_REQUEST
    start_response(f"{status.value} {status.phrase}", [("Content-Type", "application/json")])
    return [json.dumps({"reason": reason}).encode()]
