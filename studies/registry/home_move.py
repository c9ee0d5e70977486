"""Makes MLflow's database of a workspace folder that was moved or copied name the files in the folder where it is now.

MLflow stores absolute paths. In a copy of a workspace folder a promotion would write into the original, and in a moved one it
would create the old folder again. MLflow has no call that changes them. So they are rewritten in the tables of `TABLES`, where
they lie below the old folder of artifacts.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

TABLES = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}
"""Tables of MLflow 3 to their columns with paths of artifacts."""


def follow_home(database: Path, experiment: str, artifacts: Path) -> str | None:
    """Rewrites the paths of artifacts if the folder of an experiment's artifacts is not where it should be.

    Args:
        database: MLflow's SQLite file; hold its lock.
        experiment: name of the experiment.
        artifacts: the folder of its artifacts as it should be.

    Returns:
        The folder that was recorded, as a URI; None if nothing had to be changed.
    """
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        columns = {table: _columns(connection, table) for table in TABLES}
        if "artifact_location" not in columns["experiments"]:
            return None  # a new database
        row = connection.execute("SELECT artifact_location FROM experiments WHERE name = ?", (experiment,)).fetchone()
        old, new = None if row is None else str(row[0]), artifacts.as_uri()
        if old is None or old == new or not old.startswith("file:") or not old.endswith(f"/{artifacts.name}"):
            return None  # artifacts that somebody keeps elsewhere, such as in a bucket, have not moved with the folder
        for table, names in TABLES.items():
            for name in (name for name in names if name in columns[table]):
                below = f"{name} = ? OR substr({name}, 1, ?) = ?"
                connection.execute(
                    f"UPDATE {table} SET {name} = ? || substr({name}, ?) WHERE {below}",
                    (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
                )
        connection.commit()
    return old


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """Names of a table's columns; empty if there is no such table."""
    return {str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")}
