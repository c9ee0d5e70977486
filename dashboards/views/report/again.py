"""How to make a study again: its study file, the command, and the versions of what it ran with."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from studies.definition.study import Study

LIBRARIES = ("torch", "timm", "onnx", "onnxruntime", "optuna", "ray", "mlflow", "plotly")
"""Libraries whose versions are listed: what trains, exports, reads, proposes, and draws."""


def study_file(study: Study) -> str:
    """The study as TOML: everything that differs from the defaults, so that `paretext search FILE` makes it again.

    With a time, trials and epochs have other defaults, so both are written then. A field whose choices include None cannot be
    written in TOML and is left to its default there; a line says so.
    """
    written = study.model_dump(mode="json", exclude_defaults=True)
    written["data"] = {"source": study.data.model_dump(mode="json")["source"], **written.get("data", {})}
    if study.budget.time is not None:
        written["budget"] = {"trials": study.budget.trials, "epochs": study.budget.epochs, **written["budget"]}
    written["space"] = study.model_dump(mode="json")["space"]
    plain = {key: value for key, value in written.items() if not isinstance(value, dict)}
    lines = [f"{key} = {_toml(value)}" for key, value in ({"name": study.name} | plain).items()]
    for section, values in written.items():
        if isinstance(values, dict):
            lines += ["", f"[{section}]", *_entries(values)]
    return "\n".join(lines) + "\n"


def versions(paretext: str) -> list[tuple[str, str]]:
    """Versions of Paretext, Python and the libraries on the machine that makes the report.

    Args:
        paretext: that of Paretext.
    """
    found = [("paretext", paretext), ("python", platform.python_version())]
    for name in LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return found


def _entries(values: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, value in values.items():
        if isinstance(value, list) and None in value:
            lines.append(f"# {key}: {json.dumps(value)} (TOML has no word for null)")
        elif value is not None:
            lines.append(f"{key} = {_toml(value)}")
    return lines


def _toml(value: Any) -> str:
    """A value as TOML; texts, numbers and lists are written as in JSON."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items() if each is not None) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
