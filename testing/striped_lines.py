"""A synthetic dataset in memory: striped images that a small network learns to classify in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainers.data.charset import Charset

SYMBOLS = "abc"
LETTER_PX = 16


@dataclass(frozen=True)
class InMemoryLines:
    """Decoded lines in memory."""

    images: list[NDArray[np.uint8]]
    texts: list[str]
    weights: NDArray[np.float32] | None = None
    normaliser: str = "none"

    @property
    def widths(self) -> NDArray[np.int64]:
        return np.array([image.shape[1] for image in self.images])

    def __len__(self) -> int:
        return len(self.images)

    def text(self, i: int) -> str:
        return self.texts[i]

    def image(self, i: int) -> NDArray[np.uint8]:
        return self.images[i]

    def is_grey(self, i: int) -> bool:
        return bool((self.images[i] == self.images[i][:, :, :1]).all())


@dataclass(frozen=True)
class InMemoryDataset:
    """What a training needs, in memory."""

    training: InMemoryLines
    validation: InMemoryLines
    charset: Charset = field(default_factory=lambda: Charset(tuple(SYMBOLS)))
    digest: str = "plain"
    warmup: InMemoryLines | None = None
    rendered_lines: int = 0


def striped_lines(count: int, seed: int, colour: bool = False, letters: tuple[int, int] = (1, 3)) -> InMemoryLines:
    """Lines of letters: `a` is a bar on top, `b` one below, `c` both; paper between them."""
    rng = np.random.default_rng(seed)
    images, texts = [], []
    for _ in range(count):
        text = "".join(rng.choice(list(SYMBOLS), rng.integers(letters[0], letters[1] + 1)))
        image = np.full((32, LETTER_PX * len(text) + 6, 3), 230, dtype=np.uint8)
        for at, letter in enumerate(text):
            left = 6 + LETTER_PX * at
            if letter in "ac":
                image[4:12, left : left + 10] = 20
            if letter in "bc":
                image[20:28, left : left + 10] = 20
        noise = rng.integers(-15, 16, image.shape if colour else (*image.shape[:2], 1))
        images.append(np.clip(image + noise, 0, 255).astype(np.uint8))
        texts.append(text)
    return InMemoryLines(images, texts)


def striped_dataset(count: int = 120, seed: int = 0) -> InMemoryDataset:
    """A training and a third as many validation lines."""
    return InMemoryDataset(striped_lines(count, seed), striped_lines(max(1, count // 3), seed + 1))


def write_pairs(folder: Path, lines: InMemoryLines) -> None:
    """The lines as image files with their labels beside them."""
    folder.mkdir()
    for i in range(len(lines)):
        Image.fromarray(lines.image(i)).save(folder / f"{i:03}.png")
        (folder / f"{i:03}.gt.txt").write_text(lines.text(i), encoding="utf-8")
