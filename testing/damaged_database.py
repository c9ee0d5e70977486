"""Changes values in a database of studies, as a damaged disk or another program would."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from studies.workspace.paths import Workspace


def execute(home: Workspace, statement: str) -> None:
    """Runs a SQL statement that has to change something."""
    with closing(sqlite3.connect(home.optuna_file)) as connection:
        assert connection.execute(statement).rowcount != 0, "the statement must change something"
        connection.commit()
