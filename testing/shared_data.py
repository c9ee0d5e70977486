"""Real data in the folder `shared` beside the checkout; tests that need it are skipped where it is missing."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("PARETEXT_SHARED", Path(__file__).parents[2] / "shared"))


def shared_folder(name: str) -> Path:
    """The folder or file `name` beside the checkout, or a skip that says what is missing."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs {name} in the folder 'shared' beside the checkout (or in PARETEXT_SHARED)")
    return path
