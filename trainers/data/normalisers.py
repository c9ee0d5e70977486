"""Named functions that normalise labels. The name is stored with every result, because scores depend on it.

A normaliser is applied to labels before training, and to labels and readings before they are compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from search_space.catalog import nearest
from trainers.base.errors import UserError
from trainers.data.traditional import PAIRS

_HALF_WIDTH = {0x3000: " "} | {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_SIMPLIFIED = str.maketrans(dict(zip(PAIRS[::2], PAIRS[1::2], strict=True)))


def half_width(text: str) -> str:
    """Converts full-width forms (U+FF01 to U+FF5E) and the ideographic space to ASCII."""
    return text.translate(_HALF_WIDTH)


def simplified(text: str) -> str:
    """Converts traditional Chinese characters to simplified ones, one by one."""
    return text.translate(_SIMPLIFIED)


def _nothing(text: str) -> str:
    return text


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _contest_zh(text: str) -> str:
    return simplified(half_width(text))


def _fudan(text: str) -> str:
    return simplified(half_width(text)).lower()


def _no_spaces(text: str) -> str:
    return re.sub(r"\s", "", text)


def _english_36(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.lower())


NORMALISERS: dict[str, Callable[[str], str]] = {
    "none": _nothing,
    "nfc": _nfc,
    "nfkc": _nfkc,
    "lower": str.lower,
    "no_spaces": _no_spaces,
    "contest_zh": _contest_zh,
    "fudan": _fudan,
    "english_36": _english_36,
}
"""Normalisers by name; each is idempotent.

- none: does not change the label.
- nfc, nfkc: Unicode's canonical or compatibility composition.
- lower: converts to lower case.
- no_spaces: removes white space (the default of PaddleOCR's evaluation).
- contest_zh: converts full width to half width and traditional to simplified (the scoring of the 10 MB contest of 2021).
- fudan: contest_zh and lower case (FudanVI's Chinese benchmark).
- english_36: lower-case letters and digits only (the six English word benchmarks).
"""


def check_normaliser(name: str) -> None:
    """Raises UserError, with the most similar name, unless `name` is a normaliser."""
    if name not in NORMALISERS:
        known = list(NORMALISERS)
        raise UserError(f"no normaliser is called '{name}'{nearest(name, known)} (known: {', '.join(known)})")


def normalise(name: str, text: str) -> str:
    """Applies the normaliser with a name to a text.

    Raises:
        UserError: no normaliser has this name.
    """
    check_normaliser(name)
    return NORMALISERS[name](text)
