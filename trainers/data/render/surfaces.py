"""Backgrounds of the letters: painted boards, walls, metal, screens, photographs and paper.

Surfaces are float32 (rows, columns, 3) in [0, 255].
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from trainers.data.render.colours import Colours, Style
from trainers.data.render.textures import Grain, Pixels, photo_crop, texture


def surface(rng: np.random.Generator, shape: tuple[int, int], colours: Colours, style: Style, photos: str | None) -> Pixels:
    """Draws a surface of a style in the background colour; photographs are blended with that colour."""
    if style == "print":
        return _paper(rng, shape, colours)
    shares = SCENE_GROUNDS if style == "scene" else WEB_GROUNDS
    kind = list(shares)[int(rng.choice(len(shares), p=list(shares.values())))]
    if kind == "photo":
        return _photo(rng, shape, colours, photos)
    return GROUNDS[kind](rng, shape, colours)


def _plain(shape: tuple[int, int], colours: Colours) -> Pixels:
    return np.broadcast_to(np.array(colours.ground, dtype=np.float32), (*shape, 3)).copy()


def _grained(rng: np.random.Generator, pixels: Pixels, grain: Grain, strength: float) -> Pixels:
    """Adds grain in proportion to the brightness, as on real surfaces."""
    height, width = pixels.shape[:2]
    grains: Pixels = 1 + np.float32(strength / 128) * texture(rng, (height, width), grain)[:, :, None]
    return pixels * grains


def _board(rng: np.random.Generator, shape: tuple[int, int], colours: Colours) -> Pixels:
    """Paint, plastic or metal: uniform, or slightly brushed."""
    grain: Grain = "brushed" if rng.random() < 0.3 else "cloud"
    return _grained(rng, _plain(shape, colours), grain, rng.uniform(0, 7))


def _wall(rng: np.random.Generator, shape: tuple[int, int], colours: Colours) -> Pixels:
    """Plaster, stone, concrete or rust, with grain at several scales."""
    pixels = _grained(rng, _plain(shape, colours), "cloud", rng.uniform(4, 20))
    pixels = _grained(rng, pixels, "fine", rng.uniform(2, 14))
    if rng.random() < 0.3:
        stains = np.clip(texture(rng, shape, "cloud") - rng.uniform(0.3, 1.2), 0, 1)[:, :, None] * rng.uniform(0.1, 0.5)
        stains = stains.astype(np.float32)
        pixels = pixels * (1 - stains) + stains * np.float32(rng.uniform(20, 120))
    return pixels


def _gradient(rng: np.random.Generator, shape: tuple[int, int], colours: Colours) -> Pixels:
    """A gradient from the background colour to a similar one, in any direction."""
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[0 : 1 : shape[0] * 1j, 0 : 1 : shape[1] * 1j].astype(np.float32)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    along = (along - along.min()) / max(1e-6, float(np.ptp(along)))
    other = np.clip(np.array(colours.ground) + rng.normal(0, 32, size=3) + rng.normal(0, 14), 0, 255).astype(np.float32)
    blended: Pixels = _plain(shape, colours) * (1 - along[:, :, None]) + other * along[:, :, None]
    return blended


def _photo(rng: np.random.Generator, shape: tuple[int, int], colours: Colours, photos: str | None) -> Pixels:
    """A photograph, often blurred and blended with the background colour, so that letters on it are legible."""
    pixels = photo_crop(rng, shape, photos)
    if rng.random() < 0.6:
        soft = Image.fromarray(pixels.astype(np.uint8)).filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 5)))
        pixels = np.asarray(soft, dtype=np.float32)
    drawn = rng.uniform(0.35, 0.8)
    return pixels * np.float32(1 - drawn) + np.array(colours.ground, dtype=np.float32) * np.float32(drawn)


def _stripes(rng: np.random.Generator, shape: tuple[int, int], colours: Colours) -> Pixels:
    """Slats, tiles or corrugated metal: straight edges across the whole surface."""
    pixels = _board(rng, shape, colours)
    upright = rng.random() < 0.6
    length = shape[1] if upright else shape[0]
    period = max(6.0, shape[0] * rng.uniform(0.25, 1.6))
    place = (np.arange(length) + rng.uniform(0, period)) % period / period
    if rng.random() < 0.5:
        shade = np.clip(1 - np.abs(place - 0.5) * shape[0] / rng.uniform(2, 5), 0, 1) * -rng.uniform(12, 60)
    else:
        shade = np.sin(2 * np.pi * place) * rng.uniform(4, 18)
    shade = shade.astype(np.float32)
    shaded: Pixels = pixels + (shade[None, :, None] if upright else shade[:, None, None])
    return shaded


def _paper(rng: np.random.Generator, shape: tuple[int, int], colours: Colours) -> Pixels:
    """Paper, sometimes with print that shows through from the other side, or with a rule below the text."""
    pixels = _grained(rng, _plain(shape, colours), "paper", rng.uniform(0.3, 3.5))
    if rng.random() < 0.25:
        through = np.clip(texture(rng, shape, "fine"), 0, 1.5)[:, ::-1, None] * np.float32(rng.uniform(1, 7))
        pixels = pixels - through
    if rng.random() < 0.15:
        sheet = Image.new("L", (shape[1], shape[0]))
        y = int(shape[0] * rng.uniform(0.88, 0.98))
        ImageDraw.Draw(sheet).line([(0, y), (shape[1], y + int(rng.integers(-2, 3)))], fill=int(rng.uniform(60, 200)), width=2)
        pixels = pixels - np.asarray(sheet, dtype=np.float32)[:, :, None] * np.float32(0.7)
    return pixels


GROUNDS = {"board": _board, "wall": _wall, "gradient": _gradient, "stripes": _stripes}
SCENE_GROUNDS = {"board": 0.34, "wall": 0.22, "gradient": 0.16, "photo": 0.16, "stripes": 0.12}
WEB_GROUNDS = {"board": 0.34, "wall": 0.02, "gradient": 0.34, "photo": 0.24, "stripes": 0.06}
"""Share of each kind of surface."""
