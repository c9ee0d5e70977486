"""Renders one line: takes a text, a face and a random generator, returns the bytes of an image file.

    letters (mask) -> painted on a surface -> light -> perspective -> blur, noise, colours -> JPEG or PNG

Decisions:
- A line is drawn larger than its final size and then scaled down, so that edges are as soft as those of photographs.
- It is cropped as a text detector would crop it: close to the letters, sometimes with a part of the next line.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from trainers.data.render import camera
from trainers.data.render.colours import Colours, Style, choose_colours
from trainers.data.render.fonts import Face
from trainers.data.render.lettering import Lettering, set_text, thickened, worn
from trainers.data.render.surfaces import surface
from trainers.data.render.textures import Pixels

StyleChoice = Literal["mixed", "scene", "web", "print"]
STYLES: tuple[StyleChoice, ...] = ("mixed", "scene", "web", "print")
"""The values of `style`."""
MIX: dict[Style, float] = {"scene": 0.62, "web": 0.18, "print": 0.2}
"""Share of each style in `mixed`. Street scenes have the largest, as in public datasets of scene text."""


def render_line(text: str, face: Face, rng: np.random.Generator, style: StyleChoice, photos: str | None = None) -> bytes:
    """Renders one line.

    Args:
        text: one line, whose letters stand side by side from left to right: none needs shaping (`shaping`).
        face: a face that has all its characters.
        rng: draws everything else: colours, surface, typesetting, camera.
        style: `scene`, `web`, `print`, or `mixed`.
        photos: folder of photographs used as backgrounds; None uses the two that scikit-learn installs.

    Returns:
        The bytes of a JPEG or PNG file, 20 to 96 px high.

    Raises:
        NoInk: the face drew nothing.
    """
    chosen: Style = list(MIX)[int(rng.choice(len(MIX), p=list(MIX.values())))] if style == "mixed" else style
    rows_px = int(np.clip(np.exp(rng.normal(3.75, 0.33)), 20, 96))
    scale = rng.uniform(1.15, 1.6)
    lettering = _lettering(rng, chosen, text, max(14, round(rows_px * scale * rng.uniform(0.72, 0.92))))
    mask = set_text(text, face, lettering, rng)
    colours = choose_colours(rng, chosen)
    sheet, inner = _painted(rng, mask, colours, chosen, lettering.em_px, photos)
    return _photographed(rng, sheet, inner, chosen, rows_px)


def _lettering(rng: np.random.Generator, style: Style, text: str, em_px: int) -> Lettering:
    """Draws how the text is typeset."""
    scene = style == "scene"
    spacing = 0.0 if rng.random() < 0.55 else float(np.clip(rng.normal(0.05, 0.1), -0.06, 0.5))
    return Lettering(
        em_px=em_px,
        spacing=spacing,
        bold_px=int(rng.random() < (0.25 if scene else 0.1)) + int(scene and em_px > 44 and rng.random() < 0.15),
        slant=float(rng.uniform(0.05, 0.3)) if rng.random() < 0.08 else 0.0,
        stretch=float(rng.uniform(0.75, 1.25)) if rng.random() < 0.35 else 1.0,
        curve=float(rng.uniform(-0.35, 0.35)) if scene and rng.random() < 0.12 and len(text) > 2 else 0.0,
        unrest=float(rng.uniform(0.005, 0.04)) if scene and rng.random() < 0.08 else 0.0,
    )


def _painted(
    rng: np.random.Generator, mask: Image.Image, colours: Colours, style: Style, em_px: int, photos: str | None
) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """Paints the letters on a surface with a margin. Returns the pixels and the box that the crop will show."""
    room = round(0.55 * em_px)
    top, bottom = (round(em_px * m) for m in rng.uniform(0.03, 0.22, size=2))
    left, right = (round(em_px * m) for m in rng.uniform(0.03, 0.4, size=2))
    shape = (mask.height + top + bottom + 2 * room, mask.width + left + right + 2 * room)
    at = (room + left, room + top)
    canvas = Image.new("L", (shape[1], shape[0]))
    canvas.paste(mask, at)
    ground = surface(rng, shape, colours, style, photos)
    if style != "print" and rng.random() < 0.18:
        ground = _framed(rng, ground, colours, (room, room, shape[1] - room, shape[0] - room))
    if rng.random() < (0.12 if style == "scene" else 0.22):
        ground = _with_neighbour(rng, ground, mask, colours, (room, shape[0] - room))
    painted = _inked(rng, ground, canvas, colours, style, em_px)
    sheet = camera.lit(painted, rng, {"scene": 0.55, "web": 0.03, "print": 0.18}[style])
    image = Image.fromarray(np.clip(sheet, 0, 255).astype(np.uint8))
    return image, (room, room, shape[1] - room, shape[0] - room)


def _inked(rng: np.random.Generator, ground: Pixels, mask: Image.Image, colours: Colours, style: Style, em_px: int) -> Pixels:
    """Paints the shadow, the outline and the letters, in this order."""
    pixels = ground
    letters = _cover(mask)
    ornate = {"scene": 0.3, "web": 0.22, "print": 0.02}[style]
    if rng.random() < ornate:
        pixels = _shadowed(rng, pixels, mask, em_px)
    if rng.random() < ornate:
        outline = thickened(mask, int(rng.integers(1, max(2, em_px // 20) + 1)))
        pixels = _over(pixels, _cover(outline), np.array(colours.accent, dtype=np.float32))
    if style != "web" and rng.random() < 0.3:
        letters = worn(letters, rng, rng.uniform(0.0, 0.7 if style == "scene" else 0.5))
    ink: Pixels = np.array(colours.ink, dtype=np.float32)
    if style != "print" and rng.random() < 0.2:
        rows = np.linspace(0, 1, pixels.shape[0], dtype=np.float32)[:, None, None]
        ink = ink * (1 - rows) + np.clip(ink + rng.normal(0, 45, size=3), 0, 255).astype(np.float32) * rows
    return _over(pixels, letters * np.float32(rng.uniform(0.8, 1.0)), ink)


def _cover(mask: Image.Image) -> Pixels:
    cover: Pixels = np.asarray(mask, dtype=np.float32)
    return cover / np.float32(255)


def _over(pixels: Pixels, cover: Pixels, paint: Pixels) -> Pixels:
    painted = paint - pixels
    painted *= cover[:, :, None]
    painted += pixels
    return painted


def _shadowed(rng: np.random.Generator, pixels: Pixels, mask: Image.Image, em_px: int) -> Pixels:
    """Paints a soft shadow, or the sides of raised letters."""
    dx, dy = (round(em_px * d) for d in rng.uniform(-0.08, 0.1, size=2))
    if rng.random() < 0.5:
        shade = mask.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 3.5)))
        cover = np.roll(_cover(shade), (dy, dx), axis=(0, 1))
    else:
        steps = max(abs(dx), abs(dy), 1)
        letters = _cover(mask)
        cover = letters
        for step in range(1, steps + 1):
            cover = np.maximum(cover, np.roll(letters, (round(dy * step / steps), round(dx * step / steps)), axis=(0, 1)))
    return pixels * (np.float32(1) - cover[:, :, None] * np.float32(rng.uniform(0.35, 0.9)))


def _framed(rng: np.random.Generator, pixels: Pixels, colours: Colours, inner: tuple[int, int, int, int]) -> Pixels:
    """Paints the edge of a board, or a frame around the text, at the border of the crop."""
    height, width = pixels.shape[:2]
    frame = Image.new("L", (width, height))
    draw = ImageDraw.Draw(frame)
    reach = round((inner[3] - inner[1]) * rng.uniform(-0.02, 0.08))
    box = (inner[0] - 2 * reach, inner[1] - reach, inner[2] + 2 * reach, inner[3] + reach)
    if rng.random() < 0.5:
        draw.rectangle(box, outline=255, width=int(rng.integers(1, 4)))
        paint = np.array(colours.accent, dtype=np.float32)
    else:
        draw.rectangle((0, 0, width, height), fill=255)
        draw.rectangle(box, fill=0)
        paint = np.clip(np.array(colours.ground) * rng.uniform(0.2, 1.4) + rng.normal(0, 25, size=3), 0, 255).astype(np.float32)
    return _over(pixels, _cover(frame), paint)


def _with_neighbour(
    rng: np.random.Generator, pixels: Pixels, mask: Image.Image, colours: Colours, rows: tuple[int, int]
) -> Pixels:
    """Paints parts of the line above or of the line below at the border of the crop."""
    piece = mask.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.3 else mask
    shown = max(2, round(mask.height * rng.uniform(0.03, 0.12)))
    shift = int(rng.integers(-mask.width // 3, mask.width // 3 + 1))
    sheet = Image.new("L", (pixels.shape[1], pixels.shape[0]))
    above = rng.random() < 0.5
    y = rows[0] + shown - mask.height if above else rows[1] - shown
    sheet.paste(piece, (pixels.shape[1] // 2 - mask.width // 2 + shift, y))
    return _over(pixels, _cover(sheet), np.array(colours.ink, dtype=np.float32))


def _photographed(
    rng: np.random.Generator, sheet: Image.Image, inner: tuple[int, int, int, int], style: Style, rows_px: int
) -> bytes:
    """Applies perspective, blur, noise and compression. Returns the bytes of the file."""
    scene = style == "scene"
    image = _taken(rng, sheet, inner, {"scene": 0.09, "web": 0.0, "print": 0.02}[style], rows_px)
    strength = {"scene": 1.0, "web": 0.15, "print": 0.4}[style]
    if rng.random() < 0.75 * strength + 0.05:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.gamma(2.0, 0.28) * rows_px / 42)))
    pixels = np.asarray(image, dtype=np.float32)
    if rng.random() < 0.15 * strength:
        pixels = camera.motion_blurred(pixels, rng, max(2, rows_px // 10))
    pixels = camera.developed(pixels, rng, strength)
    if style != "web":
        pixels = camera.noisy(pixels, rng, float(min(16.0, rng.gamma(1.6, 2.4 * strength))))
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if scene and rng.random() < 0.25:
        image = camera.sharpened(image, rng)
    if style == "print" and rng.random() < 0.6:
        image = image.convert("L")
    quality = 0 if rng.random() < 0.12 else int(np.clip(rng.normal(76, 16), 28, 97))
    return camera.encoded(image, quality)


def _taken(
    rng: np.random.Generator, sheet: Image.Image, inner: tuple[int, int, int, int], tilt: float, rows_px: int
) -> Image.Image:
    """Crops the inner part at its final height, with perspective if there is a tilt; sometimes it loses resolution."""
    columns = max(8, round((inner[2] - inner[0]) * rows_px / (inner[3] - inner[1])))
    if tilt:
        large = (inner[2] - inner[0], inner[3] - inner[1])
        taken = camera.seen_from_a_side(sheet, inner, rng, tilt, large)
    else:
        taken = sheet.crop(inner)
    if rng.random() < 0.12:
        far = rng.uniform(0.4, 0.75)
        taken = taken.resize((max(4, round(columns * far)), max(12, round(rows_px * far))), Image.Resampling.BOX)
        return taken.resize((columns, rows_px), Image.Resampling.BICUBIC)
    return taken.resize((columns, rows_px), Image.Resampling.BILINEAR)
