"""A dashboard for this machine alone answers no page that made another name lead to it (DNS rebinding)."""

from __future__ import annotations

from typing import Any

import pytest

from dashboards.views.addresses import LOCAL_NAMES
from dashboards.views.board_server import _Guard
from studies.workspace.paths import Workspace


def status(host: str | None, hosts: tuple[str, ...] = LOCAL_NAMES, method: str = "GET") -> str:
    """The status with which a request is answered that bears a header `Host`."""
    answered: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return []

    guard = _Guard(app, Workspace.of_environment(), None, hosts)  # type: ignore[arg-type]  # asked for no study
    environ = {"PATH_INFO": "/api/studies", "REQUEST_METHOD": method} | ({} if host is None else {"HTTP_HOST": host})
    guard(environ, lambda status, headers: answered.append(status))
    return answered[0]


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "127.0.0.1", "localhost:8080", "LOCALHOST", "[::1]:8080"])
def test_its_own_names_are_answered(host: str) -> None:
    assert status(host) == "200 OK"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "", None, "10.0.0.1"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_other_names_are_refused(host: str | None, method: str) -> None:
    assert status(host, method=method) == "400 Bad Request"


def test_a_dashboard_that_lets_other_machines_in_is_asked_under_any_name() -> None:
    assert status("workstation:8080", hosts=()) == "200 OK"
