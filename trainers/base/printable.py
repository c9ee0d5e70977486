"""Makes a text safe to print: file names, keys and messages of other programs may hold anything, of any length."""

from __future__ import annotations

import unicodedata

MOST_CHARACTERS = 2000
"""Length of a message: all that is wrong with a study file fits, and a value of a million characters does not fill a screen."""
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
"""Categories of Unicode that a terminal obeys or cannot show: escapes, changes of direction, halves of characters."""
_KEPT = "\u200c\u200d"
"""Joiners, which change nothing but the form of the letters beside them."""


def printable(text: str, most: int = MOST_CHARACTERS) -> str:
    """Returns a text in one line: white space is one blank, what no terminal shows is written as an escape, the rest is cut.

    Args:
        text: anything.
        most: number of characters after which it is cut.
    """
    line = " ".join(text[: 4 * most].split())
    shown = "".join(_escaped(c) if c not in _KEPT and unicodedata.category(c) in _HIDDEN else c for c in line)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
