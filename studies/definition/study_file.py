"""Reading a study from its TOML file and the command line."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studies.definition.study import Study, resolve
from studies.samplers.optuna_based.factory import FRONT
from studies.workspace.paths import LONGEST_NAME
from trainers.base.errors import UserError
from trainers.base.regular_file import NotReadable, read_regular

BUILT_IN = Path(__file__).with_name("digits.toml")
"""The newcomer's first study, and the example of a study file."""
MOST_BYTES = 1 << 20
"""Size of a study file that is read; the built-in one, which explains every key, has 6 KB."""


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
    if path is None:
        return resolve(values, "the command line")
    try:
        return resolve(values, str(path))
    except UserError:
        if any(value is not None for value in overrides.values()):
            load_study(path)  # what is wrong without the options is the file's fault, and is said of it
            return resolve(values, "the command line")
        raise


def _read(path: Path) -> dict[str, Any]:
    """What a study file says.

    Raises:
        UserError: no such file, not TOML, or nothing in it.
    """
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder, not a study file; to search on a folder of line images use --data {path}")
        content = read_regular(path, MOST_BYTES)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such study file") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read as a study file: {error.strerror or error}") from None
    except NotReadable as error:
        raise UserError(f"{path} is not a study file: {error}") from None
    try:
        values = tomllib.loads(content.decode("utf-8-sig").replace("\r\n", "\n"))
    except (ValueError, RecursionError) as error:  # TOML that is wrong, or too large a number
        raise UserError(f"{path} is not a TOML file: {_reason(error, content)}") from None
    if not values:
        raise UserError(f'{path} says nothing; a study file names at least its data, such as [data] and source = "lines/"')
    return values


def _reason(error: Exception, content: bytes) -> str:
    """Why a file cannot be read as TOML."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it is text in UTF-16; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"
    if b"\0" in content:
        return "it holds NUL bytes, so it is no text, or text in UTF-16; save it as UTF-8"
    if isinstance(error, UnicodeDecodeError):
        line = content.count(b"\n", 0, error.start) + 1
        return f"line {line} has bytes that are not UTF-8; save it as UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if not isinstance(error, tomllib.TOMLDecodeError):
        return f"a number in it has more than {sys.get_int_max_str_digits():,} digits"
    return str(error)


def _name_for(path: Path | None, values: Mapping[str, Any]) -> str:
    """A name for a study that has none: the file's, or the data's."""
    if path is not None:
        text = path.stem
    else:
        data = values.get("data", {})
        source = str(data.get("source", "digits")) if isinstance(data, Mapping) else "digits"
        text = "-".join(Path(source.split(":")[-1]).parts[-2:])
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:LONGEST_NAME].strip("-._") or "study"
