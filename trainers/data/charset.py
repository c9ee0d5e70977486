"""The characters that a recogniser can write, and how labels with other characters are treated.

Decisions:
- A symbol is one Unicode code point. Its index in a network's output is its position in the charset plus 1 (0 is the blank).
- The charset of some labels is in code point order, so equal sets of labels give equal charsets.
- `map` tries other forms of the same character only: width, compatibility, simplified Chinese, other case.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from trainers.base.errors import UserError
from trainers.base.regular_file import MOST_CHARSET_BYTES, read_regular
from trainers.data.normalisers import half_width, simplified
from trainers.data.text_rows import as_utf8, split_rows

Unknown = Literal["drop", "error", "map"]

SHOWN_SYMBOLS = 5
"""Most characters that a message lists."""


@dataclass(frozen=True)
class Charset:
    """Distinct single characters, in the order of a network's outputs.

    Raises:
        UserError: there is no symbol, a symbol has several characters or is a control character, or a symbol is repeated.
    """

    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.symbols:
            raise UserError("the charset is empty: no label holds a character")
        long = next((s for s in self.symbols if len(s) != 1), None)
        if long is not None:
            raise UserError(f"a symbol of the charset must be one character, not {long!r}")
        refused = next((s for s in self.symbols if _is_refused(s)), None)
        if refused is not None:
            raise UserError(f"the charset has {_why_refused(refused)}; take it out of the charset file or of more_symbols")
        if len(set(self.symbols)) != len(self.symbols):
            twice = next(s for i, s in enumerate(self.symbols) if s in self.symbols[:i])
            raise UserError(f"the charset has {twice!r} twice")

    def __len__(self) -> int:
        return len(self.symbols)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._index

    @cached_property
    def _index(self) -> dict[str, int]:
        return {symbol: i + 1 for i, symbol in enumerate(self.symbols)}

    def encode(self, text: str) -> list[int]:
        """Converts a text to indices (charset index + 1).

        Raises:
            UserError: a character is not in the charset.
        """
        try:
            return [self._index[symbol] for symbol in text]
        except KeyError as error:
            raise UserError(f"character {error.args[0]!r} of {text!r} is not in the charset") from None

    def outside(self, text: str) -> list[str]:
        """The distinct characters of a text that the charset lacks, in the order of the text."""
        return list(dict.fromkeys(symbol for symbol in text if symbol not in self._index))

    def mapped(self, text: str) -> str | None:
        """Replaces each unknown character by another form of it that is in the charset. Returns None if there is none."""
        written = [symbol if symbol in self._index else self._other_form(symbol) for symbol in text]
        known = [w for w in written if w is not None]
        return "".join(known) if len(known) == len(written) else None

    def _other_form(self, symbol: str) -> str | None:
        forms = (
            half_width(symbol),
            unicodedata.normalize("NFC", symbol),
            unicodedata.normalize("NFKC", symbol),
            simplified(symbol),
            symbol.lower(),
            symbol.upper(),
        )
        return next((form for form in forms if form and all(s in self._index for s in form)), None)

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> Charset:
        """Makes a charset of all characters of some labels, in code point order."""
        return cls(tuple(sorted(set().union(*map(set, texts)))))

    @classmethod
    def from_file(cls, path: Path) -> Charset:
        """Reads a dictionary file: one character a row; a row with one space is the space.

        Empty rows are ignored, and so is white space around another character.

        Raises:
            UserError: the file does not exist, is empty or no text, or has a row of several characters or a control character.
        """
        try:
            data = as_utf8(read_regular(path, MOST_CHARSET_BYTES))
            rows = [row.decode("utf-8") for row in split_rows(data)]
        except UserError as error:
            raise UserError(f"charset file {path} is {error}") from None
        except FileNotFoundError:
            raise UserError(f"charset file {path} is not there") from None
        except (UnicodeDecodeError, OSError):
            raise UserError(f"charset file {path} is not UTF-8 text") from None
        symbols = [row if len(row) == 1 else row.strip() or row[:1] for row in rows if row]
        if not symbols:
            raise UserError(f"charset file {path} is empty; write one character in each row")
        for number, symbol in enumerate(symbols, start=1):
            if len(symbol) != 1:
                raise UserError(f"charset file {path}: {_too_long(symbol, number, len(symbols) == 1, path.name)}")
            if _is_refused(symbol):
                raise UserError(f"charset file {path}: symbol {number} is {_why_refused(symbol)}; take this row out")
        return cls(tuple(dict.fromkeys(symbols)))


def _is_refused(symbol: str) -> bool:
    """Whether no model file may hold a character, so that all training with it would be in vain."""
    return unicodedata.category(symbol) in ("Cc", "Cs")


def _why_refused(symbol: str) -> str:
    """A refused character, and why no model can have it."""
    kind = "a control character" if unicodedata.category(symbol) == "Cc" else "half a character"
    return f"U+{ord(symbol):04X}, {kind}, which no model file may hold"


def _too_long(symbol: str, number: int, alone: bool, name: str) -> str:
    """Why a row of a charset file is no symbol, and what to do."""
    what = f"symbol {number} is {shown_symbols(list(symbol))}; a row holds one character"
    composed = unicodedata.normalize("NFC", symbol)
    if len(composed) == 1:
        return f"{what}: write it as {described(composed)}, and use the normaliser nfc"
    return f"{what}; one row of all characters becomes many with: grep -o . {name}" if alone else what


def described(symbol: str) -> str:
    """A character in a message: as it is, or by its number and name where it could not be seen."""
    hidden = not symbol.isprintable() or symbol.isspace() or unicodedata.category(symbol)[0] in "MC"
    if symbol == " ":
        return "U+0020 (space)"
    return f"U+{ord(symbol):04X} ({unicodedata.name(symbol, 'no name').lower()})" if hidden else symbol


def shown_symbols(symbols: Sequence[str], most: int = SHOWN_SYMBOLS) -> str:
    """Some characters in a message, and the number of the others."""
    rest = len(symbols) - most
    return " ".join(map(described, symbols[:most])) + (f" and {rest:,} more" if rest > 0 else "")
