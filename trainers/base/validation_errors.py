"""Converts pydantic's validation errors to messages: one line each, with the key, the rule, the value and the nearest key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from search_space.catalog import nearest
from trainers.base.errors import UserError
from trainers.base.printable import printable

_KINDS: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", dict: "a table"}
"""The name of each type in messages."""
_SEVERAL: dict[Any, str] = {int: "whole numbers", float: "numbers", bool: "true or false", str: "texts", dict: "tables"}
"""The same in the plural, for lists."""
MOST_FAULTS = 20
"""Faults that a message names; a file of another kind may have thousands."""
MOST_SHOWN = 80
"""Characters of a key or a value that a message shows."""

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
    first: dict[str, str] = {}  # of a value that fits none of several types, pydantic reports each
    for fault in error.errors():
        line = _line(fault, model, called)
        first.setdefault(line.partition(" must be ")[0], line)
    lines = list(first.values())
    return lines if len(lines) <= MOST_FAULTS else [*lines[:MOST_FAULTS], f"and {len(lines) - MOST_FAULTS} more"]


def shown(value: Any) -> str:
    """A value as a file has it, cut if it is long."""
    return printable(value.isoformat() if isinstance(value, date | time) else repr(value), MOST_SHOWN)


def _line(fault: Any, model: type[BaseModel], called: str) -> str:
    path, kind = [str(part) for part in fault["loc"]], fault["type"]
    if kind == "value_error":
        reason = fault["ctx"]["error"]
        named = isinstance(reason, InvalidSettings) or not path
        return str(reason) if named else f"{_key(called, path)}: {reason}"
    if kind == "extra_forbidden":
        return f"unknown key '{_key(called, path)}'{nearest(path[-1], list(_fields(model, path[:-1])))}"
    field = _fields(model, path[:-1]).get(path[-1]) if path else None
    if kind == "missing":
        return _missing([called, *path] if called else path, field)
    rule, value = _rule(field) if field is not None and kind.endswith(_OWN_WORDS) else "", fault["input"]
    if not rule and kind.endswith(_OWN_WORDS):
        place, annotation = _place(model, path)
        rule, path = _words_for(annotation), path[:place]
    if rule:
        return f"{_key(called, path)} must be {rule}, not {shown(value)}{nearest(str(value)[:MOST_SHOWN], _words(field))}"
    return f"{_key(called, path)}: {fault['msg'][0].lower()}{fault['msg'][1:]}, not {shown(value)}"


def _key(called: str, path: list[str]) -> str:
    """The full name of a key."""
    return ".".join(printable(part, MOST_SHOWN) for part in ([called, *path] if called else path))


def _place(model: type[BaseModel], path: list[str]) -> tuple[int, Any]:
    """The type of the value that a path leads to, and how many parts of the path are keys: behind them pydantic names types."""
    kind: Any = model
    for at, part in enumerate(path):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = _type_of(kind.model_fields[part].annotation) if part in kind.model_fields else None
        elif get_origin(kind) in (dict, list, tuple):
            kind = _type_of(get_args(kind)[-1 if get_origin(kind) is dict else 0])
        else:
            return at, kind
    return len(path), kind


def _type_of(annotation: Any) -> Any:
    """A type without the choice of None and without annotations."""
    if get_origin(annotation) is Annotated:
        return _type_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        kinds = tuple(_type_of(part) for part in get_args(annotation) if part is not NoneType)
        return kinds[0] if len(kinds) == 1 else Union[kinds]  # noqa: UP007  # X | Y cannot be written for a tuple
    return annotation


def _words_for(kind: Any, several: bool = False) -> str:
    """States what a value of a type must be, such as `a text or a list of texts`; empty where no words are known."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        words = [_words_for(part, several) for part in arguments]
        return "" if "" in words else " or ".join(dict.fromkeys(words))
    if origin is Literal:
        return " or ".join(f'"{word}"' if isinstance(word, str) else str(word).lower() for word in arguments)
    if origin in (list, tuple):
        inner = _words_for(_type_of(arguments[0]), several=True)
        return f"{'lists' if several else 'a list'} of {inner}" if inner else ""
    if origin is dict or (isinstance(kind, type) and issubclass(kind, BaseModel)):
        kind = dict
    return (_SEVERAL if several else _KINDS).get(kind, "")


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
