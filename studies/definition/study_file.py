"""Reading a study from its TOML file and the command line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studies.definition.study import Study, resolve
from studies.samplers.optuna_based.factory import FRONT
from trainers.base.errors import UserError

BUILT_IN = Path(__file__).with_name("digits.toml")
"""The newcomer's first study, and the example of a study file."""


def load_study(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Study:
    """The study that a file and the command line ask for.

    Args:
        path: a TOML file; None is the built-in study, or every default where other data are named.
        overrides: dotted key to value from the command line, such as {"budget.trials": 20}; None values are left alone.

    Raises:
        UserError: no such file, not TOML, or anything that is wrong in it, all at once.
    """
    overrides = overrides or {}
    if path is None and overrides.get("data.source") in (None, "digits"):
        values = _read(BUILT_IN)
        if overrides.get("budget.trials") or overrides.get("budget.epochs"):
            # a user who sets the amount of training does not want the time limit of the built-in study
            values["budget"].pop("time")
    else:
        values = {} if path is None else _read(path)
    written, sampler = values.get("search"), overrides.get("search.sampler") or FRONT
    if isinstance(written, dict) and written.get("early_stopping") == "gain" and sampler != FRONT:
        del written["early_stopping"]  # it works with that sampler alone, and no option of the command line changes it
    for key, value in overrides.items():
        if value is None:
            continue
        section, _, field = key.rpartition(".")
        place = values.setdefault(section, {}) if section else values
        if isinstance(place, dict):
            place[field] = value
    if "name" not in values:
        values["name"] = _name_for(path, values)
    return resolve(values, str(path) if path else "the command line")


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such study file") from None
    except IsADirectoryError:
        raise UserError(
            f"{path} is a folder, not a study file; to search on a folder of line images use --data {path}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a TOML file: {error}") from None


def _name_for(path: Path | None, values: Mapping[str, Any]) -> str:
    """A name for a study that has none: the file's, or the data's."""
    if path is not None:
        text = path.stem
    else:
        data = values.get("data", {})
        source = str(data.get("source", "digits")) if isinstance(data, Mapping) else "digits"
        text = "-".join(Path(source.split(":")[-1]).parts[-2:])
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._") or "study"
