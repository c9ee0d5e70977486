"""Font files, and which characters each of them can draw.

A collection (`.ttc`) holds several faces, each of which counts as a font of its own. What a face can draw is read from its
character map with fontTools; a face that claims a character and draws nothing is found out when it draws.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import ImageFont

from trainers.base.errors import UserError

SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
SYSTEM_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "~/Library/Fonts",
)


NO_GLYPH = ".notdef"
PLACEHOLDER_SERVES = 32
"""Characters that one glyph stands for before it is taken for a placeholder, as fonts of last resort have them."""


@dataclass(frozen=True, order=True)
class Face:
    """A face in a font file.

    Attributes:
        path: of the file.
        index: of the face in a collection; 0 elsewhere.
    """

    path: str
    index: int

    @property
    def name(self) -> str:
        """What a report calls it."""
        return Path(self.path).name + (f"#{self.index}" if self.index else "")

    def draws(self, text: str) -> bool:
        """Whether the character map has a glyph for every visible character of a text."""
        known = characters(self)
        return all(ord(c) in known or c.isspace() or unicodedata.category(c) == "Cf" for c in text)

    def at(self, size_px: int) -> ImageFont.FreeTypeFont:
        """The font for drawing, with an em of so many pixels."""
        return _sized(self, size_px)


@lru_cache(maxsize=256)
def _sized(face: Face, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(face.path, size_px, index=face.index, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=512)
def characters(face: Face) -> frozenset[int]:
    """Code points that a face has glyphs for."""
    from fontTools.ttLib import TTFont

    with TTFont(face.path, fontNumber=face.index, lazy=True) as font:
        font.setGlyphOrder(_any_names())  # reading the real names takes ten times as long as the map
        mapped = font.getBestCmap() or {}
    served = Counter(mapped.values())
    return frozenset(code for code, glyph in mapped.items() if glyph != NO_GLYPH and served[glyph] < PLACEHOLDER_SERVES)


@lru_cache(maxsize=1)
def _any_names() -> list[str]:
    return [NO_GLYPH, *(f"glyph{number}" for number in range(1, 65536))]


def font_files(folders: Iterable[Path]) -> list[Path]:
    """Font files in some folders and below them, sorted; each real file once."""
    found: dict[str, Path] = {}
    for folder in folders:
        for place, _, names in os.walk(folder.expanduser()):
            for name in names:
                if name.lower().endswith(SUFFIXES):
                    path = Path(place) / name
                    found.setdefault(os.path.realpath(path), path)
    return sorted(found.values())


def find_faces(folders: Sequence[Path] | None = None) -> list[Face]:
    """All faces in some folders; None looks where the system keeps its fonts.

    Raises:
        UserError: a folder that is not there, or no font in any.
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
    """The faces of a file that can be scaled; none when it cannot be read."""
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
    """The fonts that matplotlib brings: enough for labels in Latin, Greek, Cyrillic, Hebrew and Arabic letters."""
    import matplotlib

    return [Face(str(p), 0) for p in font_files([Path(matplotlib.get_data_path()) / "fonts" / "ttf"]) if p.stem == "DejaVuSans"]
