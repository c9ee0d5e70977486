"""Lines in a fixed-width font, and a network of one convolution that really reads them, solved instead of trained."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from matplotlib import font_manager
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

CHARSET = tuple("0123456789ABCDEFHKLMNPRSTXYZ")
"""Characters of the lines: capitals and digits, of which 0 and D or 8 and B look alike."""
HEIGHT_PX, CELL_PX, STRIDE_PX = 32, 16, 4
"""Rows of a line, columns of a character, columns between two time steps."""
MARGIN_PX = 8
"""Columns before the first and after the last character; a multiple of the stride, so that characters begin at a time step."""
CHARACTERS = 6
"""Characters of a line."""
PENALTY = 100.0
"""Of the ridge regression that gives the weights: large enough that noise in the lines is not learned by heart."""
SYMBOL_WEIGHT = 6.0
"""Of a time step with a character in that regression: most time steps are blank, and characters would be left out."""


def drawn_line(text: str, random: np.random.Generator) -> NDArray[np.uint8]:
    """A line as an image (32, W, 3): dark characters of varying strength on noisy paper."""
    font = _font()
    paper, ink = int(random.integers(190, 250)), int(random.integers(10, 90))
    image = Image.new("L", (2 * MARGIN_PX + CELL_PX * len(text), HEIGHT_PX), paper)
    pen = ImageDraw.Draw(image)
    for at, symbol in enumerate(text):
        pen.text((MARGIN_PX + CELL_PX * at, 2 + int(random.integers(-1, 2))), symbol, fill=ink, font=font)
    pixels = np.asarray(image, dtype=np.float32) + random.normal(0, 16, image.size[::-1])
    return np.repeat(np.clip(pixels, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


@cache
def _font() -> ImageFont.FreeTypeFont:
    """A font with characters of one width that matplotlib brings along."""
    return ImageFont.truetype(font_manager.findfont("DejaVu Sans Mono"), 24)


def random_texts(count: int, seed: int) -> list[str]:
    """Labels for `drawn_line`."""
    return ["".join(row) for row in np.random.default_rng(seed).choice(CHARSET, (count, CHARACTERS))]


def write_lines(folder: Path, count: int, seed: int) -> None:
    """Writes labelled lines as pairs of files: `0001.png` and `0001.gt.txt`."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for number, text in enumerate(random_texts(count, seed)):
        Image.fromarray(drawn_line(text, random)).save(folder / f"{number:04}.png")
        (folder / f"{number:04}.gt.txt").write_text(text, encoding="utf-8")


class TemplateReader(nn.Module):
    """Images (N, 3, 32, W) -> logits (N, T, V): compares each time step with a template of every character.

    Args:
        charset: characters in the order of the logits; the first logit is the blank.
        noise: standard deviation of what is added to the weights, in that of the weights: 0 reads best.
        seed: of the noise.
    """

    def __init__(self, charset: tuple[str, ...], noise: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        self.columns = nn.Conv2d(1, len(charset) + 1, (HEIGHT_PX, CELL_PX), stride=STRIDE_PX)
        weights = _solved(charset)
        random = np.random.default_rng(seed)
        weights = weights + noise * weights.std() * random.standard_normal(weights.shape)
        with torch.no_grad():
            self.columns.weight.copy_(torch.from_numpy(weights[:-1].T.reshape(len(charset) + 1, 1, HEIGHT_PX, CELL_PX)))
            self.columns.bias.copy_(torch.from_numpy(weights[-1]))  # type: ignore[union-attr]

    def forward(self, images: Tensor) -> Tensor:
        columns: Tensor = self.columns(images.mean(1, keepdim=True))
        return 12 * columns.squeeze(2).transpose(1, 2)


@cache
def _solved(charset: tuple[str, ...], lines: int = 250) -> NDArray[np.float64]:
    """Weights (pixels + 1, V) of the ridge regression from the pixels of a time step to its symbol; the last row is bias."""
    random, steps, symbols = np.random.default_rng(0), [], []
    for text in random_texts(lines, seed=1):
        pixels = drawn_line(text, random)[:, :, 0].astype(np.float64) / 127.5 - 1
        for start in range(0, pixels.shape[1] - CELL_PX + 1, STRIDE_PX):
            at, rest = divmod(start - MARGIN_PX, CELL_PX)
            there = rest == 0 and 0 <= at < len(text) and text[at] in charset
            steps.append(pixels[:, start : start + CELL_PX].ravel())
            symbols.append(charset.index(text[at]) + 1 if there else 0)
    inputs = np.hstack([np.array(steps), np.ones((len(steps), 1))])
    wanted = np.eye(len(charset) + 1)[symbols]
    weighted = inputs.T * np.where(np.array(symbols) > 0, SYMBOL_WEIGHT, 1.0)
    penalty = PENALTY * np.eye(inputs.shape[1])
    return np.linalg.solve(weighted @ inputs + penalty, weighted @ wanted).astype(np.float64)
