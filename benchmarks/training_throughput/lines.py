"""Images of numbers whose lengths are mixed as the labels of the seed's contest are: image files and their labels."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.small_data.codes import draw_text

LENGTHS = (
    10368, 17419, 11925, 17565, 8357, 7098, 5473, 3729, 2754, 2346, 2260, 1586,
    1410, 1577, 1039, 946, 1157, 615, 502, 443, 394, 352, 372, 313,
)  # fmt: skip
"""How many of the contest's 100,000 training labels have 1, 2, ... 24 characters."""
LOOKS = ("photographs", "scans")
"""Scans are learnt in minutes by any loop, photographs (each in its own light, font and noise) are not; steps cost the same."""


def write_lines(folder: Path, count: int, seed: int, look: str) -> None:
    """Writes NNNNN.png and NNNNN.gt.txt; the same seed gives the same files.

    Args:
        folder: where to.
        count: of lines.
        seed: of texts and images.
        look: one of `LOOKS`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    shares = np.array(LENGTHS) / sum(LENGTHS)
    draw = draw_text if look == "photographs" else scan_text
    for number in range(count):
        text = "".join(str(digit) for digit in rng.integers(0, 10, 1 + rng.choice(len(LENGTHS), p=shares)))
        draw(text, rng).save(folder / f"{number:05}.png")
        (folder / f"{number:05}.gt.txt").write_text(text + "\n", encoding="utf-8")


def scan_text(text: str, rng: np.random.Generator) -> Image.Image:
    """Dark print on light paper as a scanner sees it, about 60 px high like the photographs and as wide."""
    font = ImageFont.truetype(
        str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), int(rng.integers(36, 52))
    )
    spacing, left = int(rng.integers(0, 8)), int(rng.integers(8, 20))
    _, above, _, below = font.getbbox("Q8")
    width = int(sum(font.getlength(letter) + spacing for letter in text)) + 2 * left
    paper = Image.new("L", (width, int(below - above + rng.integers(14, 24))), int(rng.integers(225, 250)))
    pen, x = ImageDraw.Draw(paper), float(left)
    for letter in text:
        pen.text((x, 0.5 * (paper.height - below - above)), letter, fill=int(rng.integers(20, 60)), font=font)
        x += font.getlength(letter) + spacing
    blurred = np.asarray(paper.filter(ImageFilter.GaussianBlur(0.7)), dtype=np.float32)
    noisy = blurred + rng.normal(0, 4, blurred.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).convert("RGB")
