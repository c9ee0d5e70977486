"""Converts pydantic's validation errors to messages: one line each, with the key, the rule, the value and the nearest key."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from search_space.catalog import nearest
from trainers.base.errors import UserError

_KINDS: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
"""The name of each type in messages."""

_OWN_WORDS = ("_type", "_parsing", "int_from_float", "greater_than", "less_than", "_equal", "finite_number", "literal_error")
"""Suffixes of pydantic's error types for which the message states the rule of the field."""


class InvalidSettings(UserError):
    """Settings with wrong keys or values. The message has the full name of each, also if the settings are part of others."""


def error_lines(error: ValidationError, model: type[BaseModel], called: str = "") -> list[str]:
    """Lists all errors, in the order of the fields.

    Args:
        error: the validation error of pydantic.
        model: the model that was validated.
        called: prefix of each key, such as `recipe`; empty for none.

    Returns:
        One line for each fault, such as `recipe.batch_lines must be a whole number from 0 to 4096, not -1`.
    """
    return [_line(fault, model, called) for fault in error.errors()]


def _line(fault: Any, model: type[BaseModel], called: str) -> str:
    path = [str(part) for part in fault["loc"]]
    named = [called, *path] if called else path
    key, kind = ".".join(named), fault["type"]
    if kind == "value_error":
        reason = fault["ctx"]["error"]
        return f"{key}: {reason}" if path and not isinstance(reason, InvalidSettings) else str(reason)
    if kind == "extra_forbidden":
        return f"unknown key '{key}'{nearest(path[-1], list(_fields(model, path[:-1])))}"
    field = _fields(model, path[:-1]).get(path[-1]) if path else None
    if kind == "missing":
        return _missing(named, field)
    rule = _rule(field) if field is not None and kind.endswith(_OWN_WORDS) else ""
    if rule:
        return f"{key} must be {rule}, not {fault['input']!r}{nearest(str(fault['input']), _words(field))}"
    return f"{key}: {fault['msg'][0].lower()}{fault['msg'][1:]}, not {fault['input']!r}"


def _missing(named: list[str], field: FieldInfo | None) -> str:
    *owner, name = named
    article = "an" if name[0] in "aeiou" else "a"
    what = f": {field.description}" if field is not None and field.description else ""
    return (f"{'.'.join(owner)} needs {article} {name}" if owner else f"{name} is missing") + what


def _rule(field: FieldInfo) -> str:
    """States what a value of the field must be; empty if pydantic's message is better."""
    words, kinds = _words(field), _types(field)
    if words:
        return f"one of {', '.join(words)}"
    if len(kinds) != 1 or kinds[0] not in _KINDS:
        return ""
    bounds = {name: getattr(held, name) for held in field.metadata for name in ("ge", "gt", "le", "lt") if hasattr(held, name)}
    return " ".join([_KINDS[kinds[0]], *_range(bounds)])


def _range(bounds: Mapping[str, float]) -> list[str]:
    if "ge" in bounds and "lt" not in bounds:
        return [f"from {_number(bounds['ge'])}", f"to {_number(bounds['le'])}" if "le" in bounds else "up"]
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return [" and ".join(f"{words[name]} {_number(bound)}" for name, bound in bounds.items())] if bounds else []


def _number(bound: float) -> str:
    """Formats a bound; whole numbers with all digits."""
    return str(int(bound)) if float(bound).is_integer() else f"{bound:g}"


def _words(field: FieldInfo | None) -> list[str]:
    """The values of a field with fixed choices; empty for other fields."""
    kinds = [] if field is None else _types(field)
    return [str(word) for word in get_args(kinds[0])] if len(kinds) == 1 and get_origin(kinds[0]) is Literal else []


def _types(field: FieldInfo) -> list[Any]:
    """The types of a field, without None."""
    kind: Any = field.annotation
    parts = get_args(kind) if get_origin(kind) in (Union, UnionType) else [kind]
    return [part for part in parts if part is not NoneType]


def _fields(model: type[BaseModel], path: list[str]) -> dict[str, FieldInfo]:
    """The fields of the model at a path; empty if there is no model."""
    for part in path:
        inner = _types(model.model_fields[part]) if part in model.model_fields else []
        found = [kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not found:
            return {}
        model = found[0]
    return model.model_fields
