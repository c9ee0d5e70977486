"""Leaves out fonts that draw something else than letters where a text has letters, such as stars and arrows.

Symbol fonts were made when a font had 256 places: their character maps say "A", and the glyph is a star. A label would then not
say what its image shows.

Decisions:
- A font is judged by its glyphs: of a few letters and digits, each must look more like the same one of a text font than like
  the others. Text fonts pass with most of them, even scripts and blackletter with several, symbol fonts with hardly any.
- A font that calls itself one of symbols must pass with more of them than another one.
- A font without these letters is kept: it draws no text with letters, and its symbols are what its map says.
- A font that draws capitals for small letters, as many display fonts do, is kept for texts without small letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainers.base.errors import UserError
from trainers.data.render.fonts import Face, characters, find_faces, font_files

PROBES = "AEGKMRSXaegkmrs258"
"""Letters and digits of different shapes."""
SMALL, CAPITAL = "aegrtq", "AEGRTQ"
"""Small letters, and their capitals, which look different."""
MOST_ALIKE = 0.8
"""Correlation of the two above which they are one letter. The median of these letters was 0.49 at most in 50 text fonts."""
LEAST_PROBES = 6
"""Probes that a font must have to be judged; one with fewer is hardly a font for text in letters."""
LEAST_SHARE, LEAST_SHARE_OF_SYMBOLS = 0.2, 0.5
"""Share of the probes that must be recognised: of any font, four times what chance gives; of one that calls itself symbols."""
GLYPH_PX, CELLS = 40, 16
"""Size at which glyphs are drawn, and rows and columns of the grid on which they are compared."""
REFERENCES = ("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSansMono-Bold")
"""Text fonts of matplotlib that glyphs are compared with."""
SYMBOL_FAMILY, SYMBOL_BIT, LATIN_BIT = 5, 31, 0
"""Of the table OS/2: PANOSE's family of symbols; the bits of `ulCodePageRange1` for the symbol character set and for Latin."""

Glyphs = NDArray[np.float64]
"""(glyphs, CELLS * CELLS): of each its ink on the grid, with mean 0 and length 1; zeros where nothing is drawn."""


@dataclass(frozen=True)
class LetterFaces:
    """Faces that can draw labels.

    Attributes:
        kept: those that draw letters as letters, or have none.
        left_out: the others.
    """

    kept: Sequence[Face]
    left_out: Sequence[Face]


def letter_faces(faces: Iterable[Face]) -> LetterFaces:
    """Separates faces that draw letters as letters from those that draw other things in their places."""
    kept: list[Face] = []
    left_out: list[Face] = []
    for face in faces:
        if not draws_letters(face.path):
            left_out.append(face)
        else:
            kept.append(replace(face, only_capitals=True) if has_only_capitals(face.path) else face)
    return LetterFaces(kept, left_out)


def find_letter_faces(folders: Sequence[Path] | None = None) -> LetterFaces:
    """Finds the faces in some folders that draw letters as letters, and those that do not.

    Args:
        folders: folders or font files; None searches the font folders of the system.

    Raises:
        UserError: a folder does not exist, or no font in any of them draws letters.
    """
    found = letter_faces(find_faces(folders))
    if not found.kept:
        names = ", ".join(sorted({face.name for face in found.left_out})[:4])
        raise UserError(f"no font draws letters as letters: {names} draw symbols in their places; name others with --fonts")
    return found


@lru_cache(maxsize=4096)
def is_damaged(path: str) -> bool:
    """Whether FreeType refuses the first face of a font file, or one of its letters."""
    try:
        Face(path, 0).at(GLYPH_PX)
        recognised_share(Face(path, 0))
    except OSError as error:
        if error.errno is not None:
            raise  # the disk
        return True
    return False


@lru_cache(maxsize=4096)
def draws_letters(path: str) -> bool:
    """Whether a font file draws letters as letters, judged by its first face; True if it has hardly any of them.

    A damaged font draws nothing.
    """
    if is_damaged(path):
        return False
    face = Face(path, 0)
    share = recognised_share(face)
    if share is None:
        return True
    return share >= (LEAST_SHARE_OF_SYMBOLS if share < LEAST_SHARE_OF_SYMBOLS and _calls_itself_symbols(face) else LEAST_SHARE)


@lru_cache(maxsize=4096)
def has_only_capitals(path: str) -> bool:
    """Whether a font file draws capitals, large or small ones, in the places of small letters, judged by its first face."""
    face = Face(path, 0)
    if not characters(face).issuperset(map(ord, SMALL + CAPITAL)):
        return False
    return float(np.median((_glyphs(face, SMALL) * _glyphs(face, CAPITAL)).sum(axis=1))) > MOST_ALIKE


@lru_cache(maxsize=4096)
def recognised_share(face: Face) -> float | None:
    """Share of the probes that a face has which look like themselves; None if it has fewer than `LEAST_PROBES`."""
    there = [i for i, probe in enumerate(PROBES) if ord(probe) in characters(face)]
    if len(there) < LEAST_PROBES:
        return None
    glyphs = _glyphs(face, "".join(PROBES[i] for i in there))
    likeness = np.max([glyphs @ reference.T for reference in _references()], axis=0)
    return float(np.mean((likeness.argmax(axis=1) == np.array(there)) & (likeness.max(axis=1) > 0)))


@lru_cache(maxsize=1)
def _references() -> tuple[Glyphs, ...]:
    import matplotlib

    files = font_files([Path(matplotlib.get_data_path()) / "fonts" / "ttf"])
    return tuple(_glyphs(Face(str(file), 0), PROBES) for file in files if file.stem in REFERENCES)


def _glyphs(face: Face, text: str) -> Glyphs:
    """The glyphs of characters, each stretched to the grid."""
    font = face.at(GLYPH_PX)
    rows = []
    for character in text:
        mask: Any = font.getmask(character, mode="L")
        ink = np.asarray(mask, dtype=np.uint8).reshape(mask.size[::-1])
        rows.append(_normalised(ink))
    return np.stack(rows)


def _normalised(ink: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The ink of a glyph, (H, W), on the grid."""
    rows, columns = np.flatnonzero(ink.max(axis=1, initial=0)), np.flatnonzero(ink.max(axis=0, initial=0))
    if not rows.size:
        return np.zeros(CELLS * CELLS)
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    grid = np.asarray(Image.fromarray(box).resize((CELLS, CELLS), Image.Resampling.BOX), dtype=np.float64).ravel()
    grid -= grid.mean()
    return grid / (float(np.linalg.norm(grid)) or 1.0)


def _calls_itself_symbols(face: Face) -> bool:
    from fontTools.ttLib import TTFont

    with TTFont(face.path, fontNumber=face.index, lazy=True) as font:
        if any((table.platformID, table.platEncID) == (3, 0) for table in font["cmap"].tables):
            return True
        if "OS/2" not in font:
            return False
        os2 = font["OS/2"]
        pages = getattr(os2, "ulCodePageRange1", 1)
        is_symbols = bool(pages >> SYMBOL_BIT & 1) and not pages >> LATIN_BIT & 1
        return is_symbols or os2.panose.bFamilyType == SYMBOL_FAMILY
