"""Private members of outside libraries are imported in one place each, and the installed versions are tested ones."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from studies.optuna_internals.tested_versions import TESTED_OPTUNA

ROOT = Path(__file__).parents[1]
PACKAGES = ("search_space", "trainers", "studies", "dashboards", "testing", "benchmarks")
LIBRARIES = {"optuna": "studies/optuna_internals/", "ray": "studies/engines/ray_connection.py", "mlflow": "studies/registry/"}
"""Library to the only place that may import private modules or names of it."""


def private_imports(file: Path) -> set[str]:
    """Libraries of which a file imports something that begins with an underscore."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[0] for name in names if any(part.startswith("_") for part in name.split(".")[1:])}
    return found


def test_private_members_are_imported_in_one_place_each() -> None:
    for file in (file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        wrong = [name for name in private_imports(file) & LIBRARIES.keys() if not path.startswith(LIBRARIES[name])]
        assert not wrong, f"{path} imports private members of {', '.join(wrong)}; only {LIBRARIES[wrong[0]]} may"


def test_the_installed_optuna_is_a_tested_one() -> None:
    installed = version("optuna")
    assert installed in TESTED_OPTUNA, (
        f"optuna {installed} is installed, and studies/optuna_internals uses private members that were tested with "
        f"{', '.join(TESTED_OPTUNA)}; if all other tests pass, add it to TESTED_OPTUNA"
    )


def test_the_private_member_of_ray_that_requires_a_token_does() -> None:
    """In a process of its own, because it changes the whole process."""
    program = (
        "import os, ray\nfrom ray._raylet import AuthenticationMode, get_authentication_mode as mode\nbefore = mode()\n"
        "from studies.engines.ray_connection import require_token\nrequire_token()\n"
        "print(before == AuthenticationMode.DISABLED, mode() == AuthenticationMode.TOKEN)\n"
    )
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled"}
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=120)
    assert ended.stdout.split() == ["True", "True"], ended.stderr


def test_the_private_member_of_ray_that_is_replaced_still_prints_the_messages() -> None:
    """In a process of its own: tests that start Ray replace it, too."""
    from ray._private import worker

    from studies.engines.ray_connection import TESTED_RAY

    tested = f"ray {version('ray')} is installed; silence_cluster_messages was tested with {', '.join(TESTED_RAY)}"
    assert "print_to_stdstream(" in inspect.getsource(worker.listen_error_messages), tested
    program = (
        "from ray._private import worker\nfrom studies.engines.ray_connection import silence_cluster_messages\n"
        "for text in ('a node died', 'another node died'):\n"
        "    message = {'lines': [text], 'pid': 'raylet', 'is_err': False}\n"
        "    worker.print_to_stdstream(message, ignore_prefix=False)\n    silence_cluster_messages()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert "a node died" in ended.stdout and "another" not in ended.stdout, f"{tested}; {ended.stdout} {ended.stderr}"
