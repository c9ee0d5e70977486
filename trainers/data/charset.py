"""The characters that a recogniser can write, and how labels with other characters are treated.

Decisions:
- A symbol is one Unicode code point. Its index in a network's output is its position in the charset plus 1 (0 is the blank).
- The charset of some labels is in code point order, so equal sets of labels give equal charsets.
- `map` tries other forms of the same character only: width, compatibility, simplified Chinese, other case.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from trainers.base.errors import UserError
from trainers.base.regular_file import MOST_CHARSET_BYTES, read_regular
from trainers.data.normalisers import half_width, simplified

Unknown = Literal["drop", "error", "map"]


@dataclass(frozen=True)
class Charset:
    """Distinct single characters, in the order of a network's outputs.

    Raises:
        UserError: there is no symbol, a symbol has several characters, or a symbol is repeated.
    """

    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.symbols:
            raise UserError("the charset is empty: no label holds a character")
        long = next((s for s in self.symbols if len(s) != 1), None)
        if long is not None:
            raise UserError(f"a symbol of the charset must be one character, not {long!r}")
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
        """Reads a dictionary file: UTF-8, one character a line; a line with one space is the space. Empty lines are ignored.

        Raises:
            UserError: the file does not exist, is not UTF-8, or has a line of several characters.
        """
        try:
            text = read_regular(path, MOST_CHARSET_BYTES).decode("utf-8-sig")
        except UserError as error:
            raise UserError(f"charset file {path} is {error}") from None
        except FileNotFoundError:
            raise UserError(f"charset file {path} is not there") from None
        except (UnicodeDecodeError, OSError):
            raise UserError(f"charset file {path} is not UTF-8 text") from None
        symbols = [line for line in text.replace("\r\n", "\n").split("\n") if line]
        for number, symbol in enumerate(symbols, start=1):
            if len(symbol) != 1:
                raise UserError(f"charset file {path}: symbol {number} is {symbol!r}; a line holds one character")
        return cls(tuple(dict.fromkeys(symbols)))
