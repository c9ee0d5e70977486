"""Photographs of short codes, as on plates and parcels: 5 to 8 capital letters and digits, written as image and label pairs.

    python -m benchmarks.small_data.codes OUT --training 800 --validation 200 --seed 0

Fonts are those that matplotlib brings along, so every machine draws the same images.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SYMBOLS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
"""Without I and O, which codes avoid since they look like 1 and 0."""
FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf", "cmr10.ttf")


def draw_code(rng: np.random.Generator) -> tuple[Image.Image, str]:
    """A photograph of a random code, and what it says."""
    text = "".join(rng.choice(list(SYMBOLS), rng.integers(5, 9)))
    return draw_text(text, rng), text


def draw_text(text: str, rng: np.random.Generator) -> Image.Image:
    """A photograph of a text, about 60 px high."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    font = ImageFont.truetype(str(folder / str(rng.choice(FONTS))), int(rng.integers(36, 52)))
    spacing = int(rng.integers(0, 8))
    width = int(sum(font.getlength(letter) + spacing for letter in text)) + int(rng.integers(16, 50))
    _, above, _, below = font.getbbox("Q8")
    height = int(below - above + rng.integers(14, 36))
    ink = Image.new("L", (width, height), 0)
    pen, x = ImageDraw.Draw(ink), int(rng.integers(6, 20))
    top = int((height - below - above) / 2 + rng.integers(-3, 4))
    for letter in text:
        pen.text((x, top + int(rng.integers(-1, 2))), letter, fill=255, font=font)
        x += int(font.getlength(letter)) + spacing
    tilted = _tilt(ink, rng)
    return _photograph(np.asarray(tilted, dtype=np.float32) / np.float32(255), rng)


def _tilt(ink: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Turns by a few degrees and pulls the corners in, as a camera at an angle does."""
    width, height = ink.size
    ink = ink.rotate(float(rng.normal(0, 1.5)), Image.Resampling.BICUBIC)
    corners = np.array([[0, 0], [0, height], [width, height], [width, 0]], dtype=np.float64)
    pulled = corners + rng.normal(0, 1, (4, 2)) * (0.02 * width, 0.06 * height)
    return ink.transform(ink.size, Image.Transform.QUAD, [float(v) for v in pulled.ravel()], Image.Resampling.BICUBIC)


def _photograph(ink: NDArray[np.float32], rng: np.random.Generator) -> Image.Image:
    """Colours, light, blur, noise and JPEG artefacts."""
    height, width = ink.shape
    ground, colour = _two_colours(rng)
    pixels = ground + ink[:, :, None] * (colour - ground)
    across = np.linspace(-1, 1, width)[None, :, None] * rng.normal(0, 18)
    down = np.linspace(-1, 1, height)[:, None, None] * rng.normal(0, 12)
    stains = Image.fromarray(rng.integers(0, 256, (4, 12), dtype=np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    pixels = pixels + across + down + (np.asarray(stains, dtype=np.float32)[:, :, None] - 128) * rng.uniform(0, 0.25)
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 2.2))))
    noisy = np.asarray(image, dtype=np.float32) + rng.normal(0, rng.uniform(2, 16), (height, width, 3))
    image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(rng.integers(30, 90)))
    return Image.open(file).convert("RGB")


def _two_colours(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ground and ink, at least 50 grey levels apart; either may be the darker one."""
    while True:
        ground, ink = (rng.uniform(15, 240) + rng.normal(0, rng.uniform(0, 40), 3) for _ in range(2))
        if abs(ground.mean() - ink.mean()) > 50:
            return ground, ink


def write_codes(folder: Path, count: int, seed: int) -> None:
    """Writes `count` pairs NNNN.png and NNNN.gt.txt; the same seed gives the same files."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        image, text = draw_code(rng)
        image.save(folder / f"{number:04}.png")
        (folder / f"{number:04}.gt.txt").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Reads the command line and writes two folders."""
    parser = argparse.ArgumentParser(description="Photographs of short codes with their labels.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--training", type=int, default=800)
    parser.add_argument("--validation", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    write_codes(args.out / "training", args.training, args.seed)
    write_codes(args.out / "validation", args.validation, args.seed + 1_000_000)


if __name__ == "__main__":
    main()
