"""Draws contact sheets: pages of line images with captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from trainers.base.errors import UserError
from trainers.data.render.fonts import Face, bundled_faces, find_faces

COLUMNS = 3
"""Pictures in a row: a page of three stays narrower than a screen of 1280 pixels."""
CELL_PX = (400, 84)
"""Width and height of a cell, with the margin and the caption."""
IMAGE_PX = (384, 48)
"""Largest width and height of the image in a cell; the rest of the cell is for the margin and the caption."""
HEADING_PX = 34
"""Height of a heading: one row of text and the space around it."""
PAPER, INK, GREY, RED = (250, 250, 248), (20, 20, 20), (110, 110, 110), (190, 30, 30)
MOST_CHARACTERS = 500
"""Characters of a caption that are looked at; a label may have a million, and a row of the sheet shows some fifty."""
CANDIDATE_FACES = 24
"""Fonts of the system that are tried for a caption; more would make a sheet slow where many fonts are installed."""


@dataclass(frozen=True)
class Picture:
    """One cell of a sheet.

    Attributes:
        image: the image, or None for an empty cell.
        caption: one row of text below the image.
    """

    image: Image.Image | None
    caption: str


@dataclass(frozen=True)
class SheetSection:
    """Some pictures under a heading.

    Attributes:
        heading: one row of text above the pictures.
        pictures: the cells, row by row.
    """

    heading: str
    pictures: Sequence[Picture]


def draw_sheet(sections: Sequence[SheetSection]) -> Image.Image:
    """Draws sections below each other, with three pictures in a row.

    Returns:
        An RGB image; its height depends on the number of pictures.
    """
    rows = sum(-(-len(s.pictures) // COLUMNS) for s in sections)
    height = rows * CELL_PX[1] + len(sections) * HEADING_PX + 8
    sheet = Image.new("RGB", (COLUMNS * CELL_PX[0] + 8, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    top = 4
    for section in sections:
        _write(draw, (8, top + 8), section.heading, 17, INK, COLUMNS * CELL_PX[0])
        top += HEADING_PX
        for number, picture in enumerate(section.pictures):
            left = 8 + number % COLUMNS * CELL_PX[0]
            _draw_picture(sheet, draw, (left, top + number // COLUMNS * CELL_PX[1]), picture)
        top += -(-len(section.pictures) // COLUMNS) * CELL_PX[1]
    return sheet


def _draw_picture(sheet: Image.Image, draw: ImageDraw.ImageDraw, at: tuple[int, int], picture: Picture) -> None:
    left, top = at
    if picture.image is None:
        _write(draw, (left, top + 14), "no image", 15, RED, IMAGE_PX[0])
    else:
        shown = picture.image.convert("RGB")
        scale = min(IMAGE_PX[0] / shown.width, IMAGE_PX[1] / shown.height)
        size = (max(1, round(shown.width * scale)), max(1, round(shown.height * scale)))
        sheet.paste(shown.resize(size, Image.Resampling.BICUBIC), (left, top))
    _write(draw, (left, top + IMAGE_PX[1] + 3), picture.caption, 14, GREY, IMAGE_PX[0])


def _write(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, ink: tuple[int, int, int], room: int) -> None:
    """Draws as much of a text as fits into one row, in a font that has its characters."""
    text = " ".join(text[:MOST_CHARACTERS].split())
    face = next((f for f in _faces() if f.draws(text)), None)
    if face is None:
        face = max(_faces()[:4], key=lambda f: sum(f.draws(c) for c in text))
        text = "".join(c if face.draws(c) else "□" for c in text)
    font: ImageFont.FreeTypeFont = face.at(size)
    while text and font.getlength(text) > room:
        text = text[: max(1, int(len(text) * 0.9)) - 1]
    draw.text(at, text, font=font, fill=ink)


@lru_cache(maxsize=1)
def _faces() -> list[Face]:
    """Lists the fonts to try for captions, those with the most characters first."""
    try:
        system = [f for f in find_faces() if f.index == 0]
    except UserError:
        system = []
    wide = [f for f in system if any(word in f.name.lower() for word in ("cjk", "wqy", "uming", "unifont", "gothic"))]
    return bundled_faces() + (wide + [f for f in system if f not in wide])[:CANDIDATE_FACES]
