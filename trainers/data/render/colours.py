"""Colours of the letters and of the background, as they occur on signs, screens and prints."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Literal

import numpy as np

Style = Literal["scene", "web", "print"]
Colour = tuple[float, float, float]
"""Red, green, blue in [0, 255]."""

SIGNS: tuple[tuple[Colour, Colour], ...] = (
    ((250, 248, 240), (196, 26, 32)),
    ((250, 250, 250), (20, 74, 156)),
    ((248, 250, 246), (22, 112, 62)),
    ((255, 226, 60), (190, 24, 28)),
    ((214, 24, 30), (248, 246, 240)),
    ((206, 20, 26), (255, 216, 48)),
    ((24, 24, 26), (246, 204, 40)),
    ((26, 26, 28), (242, 240, 234)),
    ((26, 70, 150), (244, 246, 248)),
    ((232, 196, 110), (62, 36, 22)),
    ((228, 190, 98), (30, 26, 26)),
    ((240, 236, 226), (40, 40, 44)),
    ((255, 255, 255), (236, 110, 24)),
    ((18, 92, 52), (240, 240, 226)),
    ((96, 60, 30), (226, 206, 170)),
    ((40, 44, 52), (186, 190, 194)),
    ((196, 160, 92), (120, 20, 24)),
    ((250, 250, 250), (104, 36, 120)),
    ((255, 250, 200), (16, 120, 140)),
)
"""Pairs of letter colour and background colour that are common on signs."""


HUES = (0.0, 0.0, 0.03, 0.08, 0.1, 0.13, 0.15, 0.33, 0.4, 0.56, 0.59, 0.62)
"""Hues of paint, brick, wood, foliage and sky: reds, browns, yellows, greens and blues; others are rare outdoors."""


@dataclass(frozen=True)
class Colours:
    """The colours of a line.

    Attributes:
        ink: colour of the letters.
        ground: colour of the background.
        accent: colour of an outline, of a border or of the end of a gradient.
    """

    ink: Colour
    ground: Colour
    accent: Colour


def luminance(colour: Colour) -> float:
    """Perceived brightness of a colour, in [0, 255]."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def choose_colours(rng: np.random.Generator, style: Style) -> Colours:
    """Draws colours for a line. Ink and background differ enough to be legible."""
    if style == "print":
        paper = rng.uniform(205, 252)
        tint = np.array([0, rng.uniform(-3, 0), rng.uniform(-16, 2)])
        ink = rng.uniform(8, 90)
        coloured = rng.random() < 0.12
        letters = _hue(rng, 0.6, 0.9, 0.2, 0.55) if coloured else (ink, ink, ink + rng.uniform(-4, 8))
        return Colours(_clip(letters), _clip(paper + tint), (0, 0, 0))
    if rng.random() < (0.55 if style == "scene" else 0.3):
        ink_colour, ground = SIGNS[int(rng.integers(len(SIGNS)))]
        ink_colour, ground = _near(rng, ink_colour, 14), _near(rng, ground, 16)
    else:
        ground = _ground(rng, style)
        ink_colour = _against(rng, ground, style)
    accent = _against(rng, ink_colour, style)
    return Colours(ink_colour, ground, accent)


def _ground(rng: np.random.Generator, style: Style) -> Colour:
    if style == "web" and rng.random() < 0.4:
        return _near(rng, (250, 250, 250), 6)
    saturation = rng.beta(1.2, 2.5)
    return _hue(rng, saturation * 0.8, saturation + 0.05, 0.1, 0.95)


def _against(rng: np.random.Generator, ground: Colour, style: Style) -> Colour:
    """Draws a colour that is much brighter or darker than another; in 60 % of draws it is nearly white or nearly black."""
    least = 45 if rng.random() < 0.15 else 90
    for _ in range(20):
        if rng.random() < 0.6:
            value = rng.uniform(215, 255) if luminance(ground) < 140 else rng.uniform(5, 70)
            colour = _near(rng, (value, value, value), 10)
        else:
            colour = _hue(rng, 0.2, 1.0, 0.15, 1.0)
        if abs(luminance(colour) - luminance(ground)) >= least:
            return colour
    return (245.0, 245.0, 245.0) if luminance(ground) < 128 else (20.0, 20.0, 20.0)


def _hue(rng: np.random.Generator, low: float, high: float, dark: float, bright: float) -> Colour:
    """Draws a colour with a common hue, and with a saturation and a brightness between bounds in [0, 1]."""
    hue = rng.random() if rng.random() < 0.15 else HUES[int(rng.integers(len(HUES)))] + rng.normal(0, 0.025)
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, min(1.0, rng.uniform(low, high)), rng.uniform(dark, bright))
    return (255 * red, 255 * green, 255 * blue)


def _near(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    return _clip(np.array(colour) + rng.normal(0, spread, size=3) * 0.5 + rng.normal(0, spread))


def _clip(colour: object) -> Colour:
    red, green, blue = np.clip(np.asarray(colour, dtype=np.float64), 0, 255)
    return (float(red), float(green), float(blue))
