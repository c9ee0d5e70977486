"""Finds data sources by the text that a user writes: `digits`, a path, `kind:path`, or several of them joined by `;`.

The kind of a path is detected from its files unless `kind:path` names it. `kind:path@extra` names an image folder or columns
too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from search_space.catalog import nearest
from trainers.base.errors import UserError
from trainers.data.digits import LINES, REVISION, SPLITS, Split, digit_lines
from trainers.data.fingerprint import digest_of
from trainers.data.kinds import data_kinds
from trainers.data.lines import LineSet, with_usable_labels
from trainers.data.no_kind import why_no_kind
from trainers.data.source import DataKind, Source


@dataclass(frozen=True)
class Digits:
    """The built-in lines of handwritten digits.

    Attributes:
        split: `training`, `validation`, `unseen` or `test`.
        seed: seed of the dataset.
    """

    split: Split
    seed: int

    def fingerprint(self) -> str:
        return digest_of("digits", REVISION, self.split, self.seed, LINES[self.split])

    def read(self) -> LineSet:
        return digit_lines(self.split, self.seed)


def open_source(text: str, seed: int = 0) -> LineSet:
    """Lists all lines of a source.

    Args:
        text: `digits`, `digits:validation`, a path, or `kind:path`.
        seed: seed of generated lines; files ignore it.

    Raises:
        UserError: the source does not exist (the message has the most similar one), or has no usable line.
    """
    return with_usable_labels(find_source(text, seed).read())


def split_sources(text: str) -> list[str]:
    """Splits `a;b;c` into single sources; the name of an existing path may have a semicolon itself."""
    if ";" in text and _path_of(text).exists():
        return [text.strip()]
    parts = [part.strip() for part in text.split(";") if part.strip()]
    if not parts:
        raise UserError("no data source is named; try 'digits' or a folder")
    return parts


def _path_of(text: str) -> Path:
    """The path in a source, without looking for a part after `@`."""
    name, colon, rest = text.strip().partition(":")
    return Path(rest if colon and name in data_kinds else text.strip()).expanduser()


def absolute_sources(text: str) -> str:
    """The same sources with absolute paths; what is no path here stays as it is.

    Args:
        text: one source, or several joined by `;`.
    """
    return ";".join(_absolute(source) for source in split_sources(text))


def _absolute(text: str) -> str:
    """One source with an absolute path, and an absolute image folder behind `@`."""
    name, colon, rest = text.partition(":")
    if name == "digits":
        return text
    prefix, written = (f"{name}:", rest) if colon and name in data_kinds else ("", text)
    path = Path(written).expanduser()
    if path.exists() or (prefix and data_kinds[name]().has_parts and path.parent.is_dir()):
        return f"{prefix}{path.absolute()}"
    before, at, extra = written.rpartition("@")
    if not at or not (path := Path(before).expanduser()).exists():
        return text
    folder = Path(extra).expanduser()
    return f"{prefix}{path.absolute()}@{folder.absolute() if folder.is_dir() else extra}"


def own_validation(text: str) -> str | None:
    """The validation source that belongs to a training source; None if it has none. `digits` has one."""
    if text in ("digits", "digits:training"):
        return "digits:validation"
    kind, path, extra = _read(text)
    if kind is None or not path.exists():
        return None
    found = kind.validation(path)
    return found if found is None or extra is None else f"{found}@{extra}"


def own_test(text: str) -> str | None:
    """The source of test lines that belongs to a training source; None if it has none. `digits` has one."""
    if text in ("digits", "digits:training"):
        return "digits:test"
    kind, path, extra = _read(text)
    if kind is None or not path.exists():
        return None
    found = kind.test(path)
    return found if found is None or extra is None else f"{found}@{extra}"


def shadowed_folder(text: str) -> str | None:
    """A sentence for the user if a source names the built-in digits and a folder of that name is there; else None."""
    return "digits are the built-in lines; the folder here is named ./digits" if _is_shadowed(text) else None


def _is_shadowed(text: str) -> bool:
    return any(part == "digits" and Path(part).exists() for part in split_sources(text))


def find_source(text: str, seed: int = 0) -> Source:
    """Finds the source that a text names, without reading it.

    Raises:
        UserError: the source does not exist; the message has the most similar one.
    """
    name, colon, rest = text.partition(":")
    if name == "digits":
        return Digits(_digits_split(rest) if colon else "training", seed)
    kind, path, extra = _read(text)
    if kind is None:
        raise UserError(_nothing_like(text, path))
    return kind.open(path, extra)


def _read(text: str) -> tuple[DataKind | None, Path, str | None]:
    """Splits a text into kind, path and the part after `@`. The kind is None if it is neither named nor recognised."""
    name, colon, rest = text.partition(":")
    named = data_kinds[name]() if colon and name in data_kinds else None  # "lmdb" is a folder of that name
    written = rest if named else text
    path, extra = Path(written).expanduser(), None
    if not path.exists() and "@" in written:
        before, _, extra = written.rpartition("@")
        path = Path(before).expanduser()
    if named is not None:
        there = path.exists() or (named.has_parts and path.parent.is_dir())
        return (named if there else None), path, extra
    if not path.exists():
        return None, path, extra
    return _recognised(path), path, extra


def _recognised(path: Path) -> DataKind | None:
    """The kind of an existing path: the first that recognises it, or the first that has labels for most of its images."""
    kinds = sorted((data_kinds[name]() for name in data_kinds), key=lambda kind: kind.order)
    fitting = (kind for kind in kinds if kind.looks_like(path))
    first = next(fitting, None)
    if first is None or first.is_complete(path):
        return first
    return next((kind for kind in fitting if kind.is_complete(path)), first)


def _nothing_like(text: str, path: Path) -> str:
    """The message for a text that names no source."""
    if path.is_dir() and not any(path.iterdir()):
        return f"data source '{path}' is an empty folder"
    if path.exists():
        reason = why_no_kind(path)
        if reason is not None:
            return f"data source '{path}' holds no lines of a known kind: {reason}"
        return f"data source '{path}' holds no lines of a known kind ({', '.join(data_kinds)}); name one as kind:path"
    kind, colon, _ = text.partition(":")
    beside = [p.name for p in path.parent.iterdir() if not p.name.startswith(".")] if path.parent.is_dir() else []
    known = [] if kind in data_kinds else ["digits", *data_kinds] if colon else ["digits", *beside]
    hint = (nearest(kind if colon else text, known) if known else "") or nearest(path.name, beside)
    return f"data source '{text}' is neither built in ('digits') nor a file or folder that is there{hint}"


def _digits_split(name: str) -> Split:
    if name not in SPLITS:
        raise UserError(f"digits has no split '{name}'{nearest(name, list(SPLITS))} (known: {', '.join(SPLITS)})")
    return name
