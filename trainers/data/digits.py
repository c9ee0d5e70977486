"""Built-in data: lines of three to eight handwritten digits, composed of the 1,797 scans in scikit-learn.

Decisions:
- The scans are split before lines are composed (scikit-learn's stratified split, a fifth for validation), so no scan of a
  training line is in a validation line.
- The splits `unseen` and `test` use validation scans in lines that no other split has: `unseen` for trying a finished model,
  `test` for measuring it once.
- A line is a function of (seed, split, number). Nothing is stored, and equal seeds give equal lines on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from trainers.data.lines import Line, LineSet

Split = Literal["training", "validation", "unseen", "test"]
SPLITS: tuple[Split, ...] = ("training", "validation", "unseen", "test")
LINES: dict[Split, int] = {"training": 2000, "validation": 500, "unseen": 100, "test": 400}
HEIGHT_PX = 32
REVISION = 2
"""Part of the fingerprint. Increase it when a change makes the same seed give other lines, so that caches are built again."""

_OVERSAMPLING = 3


@lru_cache(maxsize=1)
def _scans() -> dict[bool, tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """The 8x8 scans, in [0, 1], and their digits; the key is True for training scans."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, digits = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8) / 16.0
    parts = train_test_split(images, digits, test_size=0.2, stratify=digits, random_state=0)
    return {True: (parts[0], parts[2]), False: (parts[1], parts[3])}


@dataclass(frozen=True)
class DigitLine:
    """A line of digits; calling it composes the image.

    Attributes:
        seed: seed of the dataset.
        split: name of the split, which determines the scans and the sequence of lines.
        number: number of the line in its split, from 0.
    """

    seed: int
    split: Split
    number: int

    def _choose(self) -> tuple[np.random.Generator, NDArray[np.intp]]:
        rng = np.random.default_rng([self.seed, SPLITS.index(self.split), self.number])
        _, digits = _scans()[self.split == "training"]
        return rng, rng.integers(0, len(digits), size=int(rng.integers(3, 9)))

    @property
    def text(self) -> str:
        """The digits of the line."""
        _, digits = _scans()[self.split == "training"]
        return "".join(str(digits[i]) for i in self._choose()[1])

    def __call__(self) -> Image.Image:
        rng, chosen = self._choose()
        scans, _ = _scans()[self.split == "training"]
        return _compose(rng, [scans[i] for i in chosen])


def _compose(rng: np.random.Generator, scans: list[NDArray[np.float64]]) -> Image.Image:
    """Draws the scans side by side on paper, 32 px high."""
    height = HEIGHT_PX * _OVERSAMPLING
    slant, size, spacing = rng.uniform(-0.12, 0.16), rng.uniform(0.74, 0.88), rng.uniform(0.0, 0.16)
    glyphs = [_glyph(scan, round(height * size * rng.uniform(0.93, 1.07)), slant + rng.normal(0, 0.03)) for scan in scans]
    gaps = [round(height * (spacing + rng.normal(0, 0.02))) for _ in glyphs]
    margins = rng.integers(_OVERSAMPLING * 2, _OVERSAMPLING * 8, size=2)
    width = int(sum(g.shape[1] for g in glyphs) + sum(gaps[1:]) + margins.sum())
    ink = np.zeros((height, max(width, height)), dtype=np.float64)
    x, drift = int(margins[0]), rng.normal(0, 0.02)
    for n, glyph in enumerate(glyphs):
        x += gaps[n] if n else 0
        x = max(0, min(x, ink.shape[1] - glyph.shape[1]))
        wander = height * (rng.normal(0, 0.02) + drift * (n - len(glyphs) / 2) / 2)
        y = int(np.clip((height - glyph.shape[0]) / 2 + wander, 0, height - glyph.shape[0]))
        spot = ink[y : y + glyph.shape[0], x : x + glyph.shape[1]]
        np.maximum(spot, glyph, out=spot)
        x += glyph.shape[1]
    return _on_paper(rng, ink)


def _glyph(scan: NDArray[np.float64], height: int, slant: float) -> NDArray[np.float64]:
    """Enlarges a digit, sharpens it to pen strokes, slants it and crops it to the ink; values in [0, 1]."""
    columns = np.flatnonzero(scan.max(axis=0) > 0.1)
    cut = np.pad(scan[:, columns[0] : columns[-1] + 1], 1)
    width = max(1, round(height * cut.shape[1] / cut.shape[0]))
    image = Image.fromarray((cut * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    lean = abs(slant) * height
    matrix = (1, slant, -max(0.0, slant) * height, 0, 1, 0)
    image = image.transform((round(width + lean), height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    strokes: NDArray[np.float64] = np.clip((np.asarray(image) / 255.0 - 0.18) / 0.5, 0, 1)
    inked = np.flatnonzero(strokes.max(axis=0) > 0.1)
    return strokes[:, inked[0] : inked[-1] + 1] if len(inked) else strokes


def _on_paper(rng: np.random.Generator, ink: NDArray[np.float64]) -> Image.Image:
    """Puts the ink on unevenly lit paper, and adds slight blur and noise; RGB, 32 px high."""
    width = round(ink.shape[1] / _OVERSAMPLING)
    image = Image.fromarray((ink * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    cover = np.asarray(image.resize((width, HEIGHT_PX), Image.Resampling.BOX))[:, :, None] / 255.0
    paper = rng.uniform(170, 248) + rng.normal(0, 5, size=3)
    pen = rng.uniform(15, 75) + rng.normal(0, 8, size=3) + np.array([0, 0, rng.choice([0, 0, 45])])
    light = _blotches(rng, width, rng.uniform(1, 9))
    pixels = paper * (1 - cover) + pen * cover * rng.uniform(0.85, 1.0) + paper * cover * 0.05
    pixels = pixels + light + rng.normal(0, rng.uniform(1, 5), size=(HEIGHT_PX, width, 1))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _blotches(rng: np.random.Generator, width: int, strength: float) -> NDArray[np.float64]:
    """Smooth random brightness of the paper, (32, width, 1)."""
    coarse = rng.normal(128, 40, size=(3, max(3, width // 24))).clip(0, 255).astype(np.uint8)
    smooth = Image.fromarray(coarse).resize((width, HEIGHT_PX), Image.Resampling.BICUBIC)
    blotches: NDArray[np.float64] = (np.asarray(smooth, dtype=np.float64)[:, :, None] - 128) / 40 * strength
    return blotches


def digit_lines(split: Split, seed: int, count: int | None = None) -> LineSet:
    """The first `count` lines of a split, by default 2,000 for training, 500 for validation, 100 unseen."""
    made = [DigitLine(seed, split, number) for number in range(LINES[split] if count is None else count)]
    return LineSet([Line(f"digits/{split}/{d.number:05d}", d.text, d) for d in made])
