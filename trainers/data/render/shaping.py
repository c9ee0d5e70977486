"""What lines cannot be drawn without shaping their text, and which characters of a text stay together.

Lines are drawn with one glyph beside the other, from left to right. That is wrong for letters that join (Arabic), that are read
from right to left (Hebrew), that stand elsewhere than in the order of the text (vowel signs of Devanagari), or that stack
(Tibetan), and it puts vowels and tones on top of each other (Thai). Pillow shapes text where Raqm and FriBiDi are installed;
not every machine has them, and the same seed has to draw the same lines on each.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

RIGHT_TO_LEFT = ("R", "AL", "RLE", "RLO", "RLI")
"""Bidirectional classes of Unicode: right-to-left letters, Arabic letters, and signs that turn the direction of a text."""
SHAPED_RANGES = (
    (0x0590, 0x08FF),  # Hebrew, Arabic, Syriac, Thaana, N'Ko, Samaritan, Mandaic
    (0x0900, 0x0DFF),  # Devanagari, Bengali, Gurmukhi, Gujarati, Oriya, Tamil, Telugu, Kannada, Malayalam, Sinhala
    (0x0E00, 0x109F),  # Thai, Lao, Tibetan, Myanmar
    (0x1100, 0x11FF),  # parts of Korean syllables, which form one letter; whole syllables are elsewhere
    (0x1700, 0x18AF),  # scripts of the Philippines, Khmer, Mongolian
    (0x1900, 0x1AAF),  # Limbu to Tai Tham
    (0x1B00, 0x1C7F),  # Balinese, Sundanese, Batak, Lepcha
    (0x1CC0, 0x1CFF),  # Sundanese, Vedic signs
    (0xA800, 0xAAFF),  # Syloti Nagri to Meetei Mayek, with parts of Korean syllables
    (0xABC0, 0xABFF),  # Meetei Mayek
    (0xD7B0, 0xD7FF),  # parts of Korean syllables
    (0xFB1D, 0xFDFF),  # presentation forms of Hebrew and Arabic
    (0xFE70, 0xFEFF),  # presentation forms of Arabic
    (0x10800, 0x10FFF),  # ancient scripts from right to left, Kharoshthi, Hanifi Rohingya
    (0x11000, 0x11FFF),  # Brahmi and the scripts that come from it
    (0x1E800, 0x1EFFF),  # Mende Kikakui, Adlam
)
"""Code points whose letters and marks need shaping. Digits and signs among them do not, such as those for Thai money."""
SHOWN_CHARACTERS = 8
"""Characters that a message names."""


def needs_shaping(characters: Iterable[str]) -> set[str]:
    """Finds the characters that a line must not have to be drawn right."""
    return {c for c in characters if unicodedata.bidirectional(c) in RIGHT_TO_LEFT or _is_shaped_letter(c)}


def _is_shaped_letter(character: str) -> bool:
    code = ord(character)
    return unicodedata.category(character)[0] in "LM" and any(first <= code <= last for first, last in SHAPED_RANGES)


def why_not_drawn(characters: Sequence[str]) -> str:
    """Says that some characters need shaping, as a part of a message.

    Args:
        characters: at least one; the first ones are named.
    """
    shown = " ".join(characters[:SHOWN_CHARACTERS])
    return f"letters that join, stack, change places or run from right to left are not drawn ({shown})"


def with_marks(text: str) -> list[str]:
    """Cuts a text into its characters, each with the combining marks behind it, such as separate accents."""
    parts: list[str] = []
    for character in text:
        if parts and unicodedata.category(character).startswith("M"):
            parts[-1] += character
        else:
            parts.append(character)
    return parts
