"""Finds font files and the characters that each of them has glyphs for.

Whether a line of these glyphs, one beside the other, shows the text is another question: see `shaping`.

A collection (`.ttc`) holds several faces; each of them is used as a font. fontTools reads the characters of a face from its
character map. A face may list a character and still draw nothing; the renderer notices that and tries the next face.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from PIL import ImageFont

from trainers.base.errors import UserError

SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
"""Suffixes of TrueType and OpenType fonts and of collections of them; FreeType and fontTools read all four."""
SYSTEM_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "~/Library/Fonts",
)
"""The font folders of Linux and macOS, for all users and for one."""

NO_GLYPH = ".notdef"
"""The glyph that OpenType draws for a character that the font lacks."""
PLACEHOLDER_SERVES = 32
"""A glyph that stands for at least this many characters is a placeholder, as in fallback fonts, and does not count."""


@dataclass(frozen=True, order=True)
class Face:
    """A face in a font file.

    Attributes:
        path: path of the file.
        index: number of the face in a collection; 0 in other files.
        only_capitals: whether it draws capitals in the places of small letters (`letter_fonts`), which then do not count as its
            characters.
    """

    path: str
    index: int
    only_capitals: bool = False

    @property
    def name(self) -> str:
        """The name of the face in messages."""
        return Path(self.path).name + (f"#{self.index}" if self.index else "")

    def draws(self, text: str) -> bool:
        """Whether the character map has a glyph for every visible character of a text, and for a space if the text has one."""
        known = characters(self)
        return all(ord(c) in known or (c.isspace() and ord(" ") in known) or unicodedata.category(c) == "Cf" for c in text)

    def drawn_as(self, text: str) -> str:
        """A text without what a face draws a box for: a space for white space, and nothing for invisible characters."""
        known = characters(self)
        return "".join(c if ord(c) in known else " " if c.isspace() else _unless_invisible(c) for c in text)

    def at(self, size_px: int) -> ImageFont.FreeTypeFont:
        """Loads the face for drawing at `size_px` pixels per em."""
        return _sized(self, size_px)


def _unless_invisible(character: str) -> str:
    return "" if unicodedata.category(character) == "Cf" else character


@lru_cache(maxsize=256)
def _sized(face: Face, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(face.path, size_px, index=face.index, layout_engine=ImageFont.Layout.BASIC)


@cache  # a bounded cache would read each map again for each line where there are more faces than it holds
def characters(face: Face) -> frozenset[int]:
    """Code points for which a face has glyphs. Faces with equal maps, such as those of a collection, share one set."""
    from fontTools.ttLib import TTFont

    try:
        with TTFont(face.path, fontNumber=face.index, lazy=True) as font:
            font.setGlyphOrder(_any_names())  # reading the real names takes ten times as long as the map
            mapped = font.getBestCmap() or {}
    except Exception as error:  # fontTools raises almost anything on damaged tables
        if isinstance(error, OSError) and error.errno is not None:
            raise
        mapped = {}
    served = Counter(mapped.values())
    real = (code for code, glyph in mapped.items() if glyph != NO_GLYPH and served[glyph] < PLACEHOLDER_SERVES)
    found = frozenset(code for code in real if not (face.only_capitals and chr(code).islower()))
    return _SETS.setdefault(found, found)


_SETS: dict[frozenset[int], frozenset[int]] = {}
"""Every set of code points that `characters` has returned: fonts for Chinese have 30,000 of them."""


@lru_cache(maxsize=1)
def _any_names() -> list[str]:
    return [NO_GLYPH, *(f"glyph{number}" for number in range(1, 65536))]


def font_files(folders: Iterable[Path]) -> list[Path]:
    """Lists the font files in folders and their subfolders, sorted. Links to one file count once."""
    found: dict[str, Path] = {}
    for folder in folders:
        for place, _, names in os.walk(folder.expanduser()):
            for name in names:
                if name.lower().endswith(SUFFIXES):
                    path = Path(place) / name
                    found.setdefault(os.path.realpath(path), path)
    return sorted(found.values())


def find_faces(folders: Sequence[Path] | None = None) -> list[Face]:
    """Finds all faces in some folders.

    Args:
        folders: folders or font files; None searches the font folders of the system.

    Raises:
        UserError: a folder does not exist, or there is no font in any of them.
    """
    where = [Path(f).expanduser() for f in SYSTEM_FOLDERS] if folders is None else list(folders)
    if folders is not None:
        missing = next((f for f in folders if not f.exists()), None)
        if missing is not None:
            raise UserError(f"font folder {missing} is not there")
    files = [f for f in where if f.is_file()] + font_files(where)
    faces = [face for file in files for face in _faces(file)]
    if not faces:
        place = "the system's font folders" if folders is None else ", ".join(map(str, folders))
        raise UserError(f"no TrueType or OpenType font in {place}; name a folder with --fonts, or install one (fonts-noto-cjk)")
    return faces


def _faces(file: Path) -> list[Face]:
    """Lists the scalable faces of a file; an unreadable file has none."""
    from fontTools.ttLib import TTCollection, TTFont, TTLibError

    opened: Any = None
    try:
        if file.suffix.lower() in (".ttc", ".otc"):
            opened = TTCollection(str(file), lazy=True)
            return [Face(str(file), n) for n, font in enumerate(opened.fonts) if _has_outlines(font)]
        opened = TTFont(str(file), lazy=True)
        return [Face(str(file), 0)] if _has_outlines(opened) else []
    except (TTLibError, OSError, ValueError):
        return []
    finally:
        if opened is not None:
            opened.close()


def _has_outlines(font: Any) -> bool:
    return any(table in font for table in ("glyf", "CFF ", "CFF2")) and "cmap" in font


def bundled_faces() -> list[Face]:
    """Finds the fonts that matplotlib installs; they have Latin, Greek and Cyrillic letters."""
    import matplotlib

    return [Face(str(p), 0) for p in font_files([Path(matplotlib.get_data_path()) / "fonts" / "ttf"]) if p.stem == "DejaVuSans"]
