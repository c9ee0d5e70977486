"""Lines of random pixels with given labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass
class NoiseLines:
    """Lines of noise, 32 pixels high; each is 30 pixels wider than the one before.

    Attributes:
        texts: label of each line.
    """

    texts: list[str]

    @property
    def widths(self) -> NDArray[np.int64]:
        """(N,) columns of each image."""
        return np.array([self.image(i).shape[1] for i in range(len(self))])

    def __len__(self) -> int:
        return len(self.texts)

    def text(self, i: int) -> str:
        """Label of a line."""
        return self.texts[i]

    def name(self, i: int) -> str:
        """Name of a line."""
        return str(i)

    def image(self, i: int) -> NDArray[np.uint8]:
        """Pixels of a line, (32, W, 3); the same for the same number."""
        return np.random.default_rng(i).integers(0, 256, (32, 40 + 30 * i, 3), dtype=np.uint8)
