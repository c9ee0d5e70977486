"""Draws a text in a face as a mask of its letters, with spacing, slant, stretch, curvature and wear.

The text is one that needs no shaping (`shaping`). A letter with combining marks is drawn as one character where Unicode and the
face have that character; elsewhere the marks are where the face puts them.

Masks are float32 (rows, columns) in [0, 1]; 1 is all ink.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from trainers.data.render.fonts import Face
from trainers.data.render.shaping import with_marks
from trainers.data.render.textures import Pixels, texture


class NoInk(ValueError):
    """A face drew nothing for a text, although its character map has all the characters."""


@dataclass(frozen=True)
class Lettering:
    """How a text is typeset.

    Attributes:
        em_px: size of the type, in pixels per em.
        spacing: space added after each letter with its marks, in ems; may be negative.
        bold_px: pixels by which strokes are thickened on each side.
        slant: horizontal shear, in columns per row; a positive value leans the letters to the right.
        stretch: factor of the width.
        curve: height of the arc that the base line follows, in ems: positive bulges upwards, negative downwards.
        unrest: largest distance of a letter from the base line, in ems; above 0, each letter is placed and rotated separately.
    """

    em_px: int
    spacing: float
    bold_px: int
    slant: float
    stretch: float
    curve: float
    unrest: float


def set_text(text: str, face: Face, lettering: Lettering, rng: np.random.Generator) -> Image.Image:
    """Draws a text as a mask in mode L, cropped to the ink.

    Raises:
        NoInk: the face drew nothing.
    """
    font, letters = face.at(lettering.em_px), _letters(face.drawn_as(text), face)
    if lettering.unrest > 0 or abs(lettering.spacing) > 0.004:
        mask = _letter_by_letter(letters, face, lettering, rng)
    else:
        text = "".join(letters)
        left, top, right, bottom = (int(x) for x in font.getbbox(text, stroke_width=lettering.bold_px))
        mask = Image.new("L", (max(1, right - left), max(1, bottom - top)))
        ImageDraw.Draw(mask).text((-left, -top), text, font=font, fill=255, stroke_width=lettering.bold_px)
    mask = _cut(mask)
    if lettering.stretch != 1:
        mask = mask.resize((max(1, round(mask.width * lettering.stretch)), mask.height), Image.Resampling.BILINEAR)
    if lettering.slant:
        mask = _slanted(mask, lettering.slant)
    if lettering.curve:
        mask = _cut(_curved(mask, lettering.curve * lettering.em_px))
    return mask


def _cut(mask: Image.Image) -> Image.Image:
    box = mask.getbbox()
    if box is None:
        raise NoInk("nothing was drawn")
    return mask.crop(box)


def _letters(text: str, face: Face) -> list[str]:
    """The letters of a text with their combining marks, composed where the face has the composed character."""
    return [_composed(letter, face) if len(letter) > 1 else letter for letter in with_marks(text)]


def _composed(letter: str, face: Face) -> str:
    composed = unicodedata.normalize("NFC", letter)
    return composed if face.draws(composed) else letter


def _letter_by_letter(letters: list[str], face: Face, lettering: Lettering, rng: np.random.Generator) -> Image.Image:
    font, em = face.at(lettering.em_px), lettering.em_px
    advances = [font.getlength(letter) + lettering.spacing * em for letter in letters]
    mask = Image.new("L", (int(sum(advances)) + 4 * em, 3 * em))
    draw = ImageDraw.Draw(mask)
    x = float(em)
    for letter, advance in zip(letters, advances, strict=True):
        if lettering.unrest:
            _place_turned(mask, letter, face, lettering, (x, 0.8 * em), rng)
        else:
            draw.text((round(x), round(0.8 * em)), letter, font=font, fill=255, stroke_width=lettering.bold_px)
        x += max(0.15 * em, advance)
    return mask


def _place_turned(
    mask: Image.Image, letter: str, face: Face, lettering: Lettering, at: tuple[float, float], rng: np.random.Generator
) -> None:
    """Draws one letter with its marks slightly rotated and away from the base line."""
    em = lettering.em_px
    tile = Image.new("L", (2 * em, 2 * em))
    ImageDraw.Draw(tile).text((em // 2, em // 3), letter, font=face.at(em), fill=255, stroke_width=lettering.bold_px)
    turned = tile.rotate(float(rng.normal(0, 60 * lettering.unrest)), Image.Resampling.BILINEAR)
    dx, dy = rng.normal(0, lettering.unrest * em, size=2)
    corner = (round(at[0] - em / 2 + 0.5 * dx), round(at[1] - em / 3 + dy))
    where = (corner[0], corner[1], corner[0] + tile.width, corner[1] + tile.height)
    mask.paste(ImageChops.lighter(mask.crop(where), turned), corner)


def _slanted(mask: Image.Image, slant: float) -> Image.Image:
    lean = round(abs(slant) * mask.height)
    shift = -slant * mask.height if slant > 0 else 0.0
    size = (mask.width + lean, mask.height)
    return mask.transform(size, Image.Transform.AFFINE, (1, slant, shift, 0, 1, 0), Image.Resampling.BILINEAR)


def _curved(mask: Image.Image, bulge: float) -> Image.Image:
    """Bends the line to an arc, strip by strip."""
    strips = max(8, mask.width // 12)
    edges = np.linspace(0, mask.width, strips + 1).round().astype(int)
    places = 2 * edges / mask.width - 1
    down = bulge * places**2 if bulge > 0 else -bulge * (1 - places**2)
    size = (mask.width, mask.height + int(np.ceil(abs(bulge))) + 1)
    mesh = [
        (
            (int(a), 0, int(b), size[1]),
            (float(a), -float(da), float(a), size[1] - float(da), float(b), size[1] - float(db), float(b), -float(db)),
        )
        for a, b, da, db in zip(edges, edges[1:], down, down[1:], strict=False)
        if b > a
    ]
    return mask.transform(size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def worn(mask: Pixels, rng: np.random.Generator, wear: float) -> Pixels:
    """Wears off ink, as on old paint or a dry stamp: removes small flakes and makes large parts paler; `wear` in [0, 1]."""
    flakes = np.clip((texture(rng, mask.shape, "fine") + 2.6 - 2.2 * wear) * 1.6, 0, 1)
    pale = np.clip(0.9 + 0.12 * texture(rng, mask.shape, "cloud"), 0.65, 1)
    return np.asarray(mask * flakes * pale, dtype=np.float32)


def thickened(mask: Image.Image, pixels: int) -> Image.Image:
    """Thickens the strokes of a mask by a number of pixels on each side, with round corners."""
    for _ in range(pixels):
        mask = mask.filter(ImageFilter.MaxFilter(3))
    return mask
