"""Lines of random pixels with given labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass
class NoiseLines:
    """Lines of noise; each is 30 pixels wider than the one before.

    Attributes:
        texts: label of each line.
        height_px: rows of each image.
        normaliser: name of the normaliser of the labels.
    """

    texts: list[str]
    height_px: int = 32
    normaliser: str = "none"

    @property
    def widths(self) -> NDArray[np.int64]:
        """(N,) columns of each image."""
        return np.array([self.image(i).shape[1] for i in range(len(self))])

    @property
    def weights(self) -> None:
        """All lines are drawn equally often."""
        return None

    def __len__(self) -> int:
        return len(self.texts)

    def text(self, i: int) -> str:
        """Label of a line."""
        return self.texts[i]

    def name(self, i: int) -> str:
        """Name of a line."""
        return str(i)

    def image(self, i: int) -> NDArray[np.uint8]:
        """Pixels of a line, (height_px, W, 3); the same for the same number."""
        return np.random.default_rng(i).integers(0, 256, (self.height_px, 40 + 30 * i, 3), dtype=np.uint8)

    def is_grey(self, i: int) -> bool:
        """Whether the three channels of a line are equal: they never are."""
        return False
