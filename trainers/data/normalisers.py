"""Named ways to make labels comparable; the name is stored with every result, since it changes what a score means.

A normaliser is applied to labels before training, and to truth and prediction before they are compared.
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
    """Full-width forms (U+FF01 to U+FF5E) and the ideographic space as plain ASCII."""
    return text.translate(_HALF_WIDTH)


def simplified(text: str) -> str:
    """Traditional Chinese characters in their simplified form, one for one."""
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
"""Name to function; each is idempotent.

- none: the label as it is.
- nfc, nfkc: Unicode's canonical or compatibility composition.
- lower: small letters.
- no_spaces: without white space (PaddleOCR's default when it scores).
- contest_zh: full width to half width, traditional to simplified (the 10 MB contest of 2021 scored so).
- fudan: contest_zh and small letters (FudanVI's Chinese benchmark).
- english_36: small letters and digits only (the six English word sets).
"""


def check_normaliser(name: str) -> None:
    """Raises UserError, with the nearest known name, unless `name` is a normaliser."""
    if name not in NORMALISERS:
        known = list(NORMALISERS)
        raise UserError(f"no normaliser is called '{name}'{nearest(name, known)} (known: {', '.join(known)})")


def normalise(name: str, text: str) -> str:
    """A text as the named normaliser makes it.

    Raises:
        UserError: no normaliser has this name.
    """
    check_normaliser(name)
    return NORMALISERS[name](text)
