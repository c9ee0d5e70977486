"""From what a person writes after `--data` to labelled lines: `digits`, a path, `kind:path`, several joined by `;`.

What a path holds is found by looking; `kind:path` says it, and `kind:path@extra` names an image folder or columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from search_space.catalog import nearest
from trainers.base.errors import UserError
from trainers.data.digits import LINES, REVISION, SPLITS, Split, digit_lines
from trainers.data.fingerprint import digest_of
from trainers.data.kinds import data_kinds
from trainers.data.lines import LineSet
from trainers.data.source import DataKind, Source


@dataclass(frozen=True)
class Digits:
    """The built-in lines.

    Attributes:
        split: `training`, `validation`, `unseen` or `test`.
        seed: of the whole set.
    """

    split: Split
    seed: int

    def fingerprint(self) -> str:
        return digest_of("digits", REVISION, self.split, self.seed, LINES[self.split])

    def read(self) -> LineSet:
        return digit_lines(self.split, self.seed)


def open_source(text: str, seed: int = 0) -> LineSet:
    """All lines of a source.

    Args:
        text: `digits`, `digits:validation`, a path, or `kind:path`.
        seed: of generated lines; files do not care.

    Raises:
        UserError: no such source, with the nearest known thing, or one without a usable line.
    """
    return find_source(text, seed).read()


def split_sources(text: str) -> list[str]:
    """The single sources in `a;b;c`."""
    parts = [part.strip() for part in text.split(";") if part.strip()]
    if not parts:
        raise UserError("no data source is named; try 'digits' or a folder")
    return parts


def own_validation(text: str) -> str | None:
    """The validation source that belongs to a training source, where it brings one; `digits` does."""
    if text in ("digits", "digits:training"):
        return "digits:validation"
    kind, path, extra = _read(text)
    if kind is None or not path.exists():
        return None
    found = kind.validation(path)
    return found if found is None or extra is None else f"{found}@{extra}"


def own_test(text: str) -> str | None:
    """The source of test lines that belongs to a training source, where it brings one; `digits` does."""
    if text in ("digits", "digits:training"):
        return "digits:test"
    kind, path, extra = _read(text)
    if kind is None or not path.exists():
        return None
    found = kind.test(path)
    return found if found is None or extra is None else f"{found}@{extra}"


def find_source(text: str, seed: int = 0) -> Source:
    """The source that a text names, found but not read.

    Raises:
        UserError: no such source, with the nearest known thing.
    """
    name, colon, rest = text.partition(":")
    if name == "digits":
        return Digits(_digits_split(rest) if colon else "training", seed)
    kind, path, extra = _read(text)
    if kind is None:
        raise UserError(_nothing_like(text, path))
    return kind.open(path, extra)


def _read(text: str) -> tuple[DataKind | None, Path, str | None]:
    """Kind, path and what stands behind `@`; no kind when there is no such path or it looks like none."""
    name, _, rest = text.partition(":")
    named = data_kinds[name]() if name in data_kinds else None
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
    kinds = sorted((data_kinds[name]() for name in data_kinds), key=lambda kind: kind.order)
    return next((kind for kind in kinds if kind.looks_like(path)), None), path, extra


def _nothing_like(text: str, path: Path) -> str:
    """Why a text names no source."""
    if path.is_dir() and not any(path.iterdir()):
        return f"data source '{path}' is an empty folder"
    if path.exists():
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
