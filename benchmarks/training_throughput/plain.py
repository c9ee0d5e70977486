"""The loop to compare with, as it is usually written: decode and augment each image in a DataLoader, pad to the widest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from search_space import Architecture
from search_space.recognizer import Recognizer, build_recognizer
from trainers.base.recipe import Recipe
from trainers.batching.collate import Batch
from trainers.data.charset import Charset
from trainers.evaluation.metrics import Score, score
from trainers.inference.decode import collapse, spell
from trainers.training.flat_start import flat_start_weight_at
from trainers.training.losses import line_losses


class Files(Dataset[tuple[Tensor, int, Tensor]]):
    """Image files and their labels.

    Args:
        folder: NNNNN.png beside NNNNN.gt.txt.
        height_px: rows of the tensors.
        width_px: columns; every image is padded to them.
        charset: of the labels.
        augmented: whether images are changed at random.
    """

    def __init__(self, folder: Path, height_px: int, width_px: int, charset: Charset, augmented: bool) -> None:
        self.paths = sorted(folder.glob("*.png"))
        self.height_px, self.width_px, self.charset, self.augmented = height_px, width_px, charset, augmented

    def __len__(self) -> int:
        return len(self.paths)

    def text(self, i: int) -> str:
        """The label of an image."""
        return self.paths[i].with_suffix(".gt.txt").read_text(encoding="utf-8").strip()

    def __getitem__(self, i: int) -> tuple[Tensor, int, Tensor]:
        image = Image.open(self.paths[i]).convert("RGB")
        width = min(self.width_px, max(1, round(image.width * self.height_px / image.height)))
        image = image.resize((width, self.height_px), Image.Resampling.BILINEAR)
        if self.augmented:
            image = _augment(image, np.random.default_rng())
        pixels = np.zeros((3, self.height_px, self.width_px), dtype=np.float32)
        pixels[:, :, :width] = np.asarray(image, dtype=np.float32).transpose(2, 0, 1) / 127.5 - 1
        return torch.from_numpy(pixels), width, torch.tensor(self.charset.encode(self.text(i)))


def _augment(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """What our loop does to a batch, image by image: perspective, slant and stretch, blur, colour, noise, a hole."""
    width, height = image.size
    corners = np.array([[0, 0], [0, height], [width, height], [width, 0]], dtype=np.float64)
    corners += rng.normal(0, 1, (4, 2)) * (0.01 * width, 0.02 * height)
    image = image.transform(
        (width, height), Image.Transform.QUAD, [float(c) for c in corners.ravel()], Image.Resampling.BILINEAR
    )
    if rng.random() < 0.1:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0)))
    pixels: NDArray[Any] = np.asarray(image, dtype=np.float32)
    pixels = (pixels - 127) * rng.normal(1, 0.05) + 127 + rng.normal(0, 5, 3)
    if rng.random() < 0.1:
        pixels = pixels + rng.normal(0, rng.uniform(0, 6), pixels.shape)
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    if rng.random() < 0.1:
        left, top = rng.integers(0, max(1, width - 6)), rng.integers(0, height - 6)
        pixels[top : top + 6, left : left + 6] = rng.integers(0, 256)
    return Image.fromarray(pixels)


def _collate(items: list[tuple[Tensor, int, Tensor]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    images, widths, labels = zip(*items, strict=True)
    lengths = torch.tensor([len(label) for label in labels])
    targets = nn.utils.rnn.pad_sequence(list(labels), batch_first=True)
    return torch.stack(images), torch.tensor(widths), targets, lengths


class PlainLoop:
    """A network, trained in fp32 on lines that are all padded to one width.

    Args:
        architecture: of the network.
        width_px: columns that every line is padded to.
        charset: of the labels.
        recipe: batch size, rates, decay and clipping.
        device: where it is trained.
    """

    def __init__(self, architecture: Architecture, width_px: int, charset: Charset, recipe: Recipe, device: str) -> None:
        torch.manual_seed(0)
        self.network: Recognizer = build_recognizer(architecture, len(charset)).to(device)
        self._height_px, self._width_px, self._charset = architecture.height_px, width_px, charset
        self._recipe, self._device = recipe, device

        self._optimizer = torch.optim.AdamW(self.network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
        self._files: DataLoader[Any] | None = None

    def open(self, folder: Path, workers: int) -> None:
        """Names the folder whose lines `workers` processes will decode and augment."""
        self._files = self._loader(folder, True, workers)

    def close(self) -> None:
        """Ends those processes."""
        self._files = None

    def epoch(self, number: int, epochs: int) -> None:
        """Trains on every line once; number `number` (from 0) of so many epochs."""
        assert self._files is not None, "open a folder first"
        recipe, network, loader = self._recipe, self.network, self._files
        network.train()
        for at, batch in enumerate(loader):
            shown = Batch(*(part.to(self._device, non_blocking=True) for part in batch))
            for group in self._optimizer.param_groups:
                group["lr"] = recipe.learning_rate_at(number + at / len(loader), epochs)
            flat_start_weight = flat_start_weight_at(number * len(loader) + at, epochs * len(loader), recipe)
            goal, _ = line_losses(network, recipe, shown.images, shown.widths, shown, flat_start_weight)
            self._optimizer.zero_grad()
            goal.mean().backward()
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip_norm)
            self._optimizer.step()
        if self._device != "cpu":
            torch.cuda.synchronize(self._device)

    def state_dict(self) -> dict[str, Any]:
        """Weights and the optimizer's memory."""
        return {"network": self.network.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])

    @torch.inference_mode()
    def read(self, folder: Path) -> Score:
        """Scores the network on a folder's lines, padded as it was trained on them."""
        self.network.eval()
        loader = self._loader(folder, False, 0)
        readings = []
        for images, *_ in loader:
            best = self.network(images.to(self._device)).argmax(2)
            readings += [spell(row, self._charset.symbols) for row in collapse(best.cpu().numpy(), "ctc")]
        files = Files(folder, self._height_px, self._width_px, self._charset, augmented=False)
        return score([files.text(i) for i in range(len(files))], readings)

    def _loader(self, folder: Path, training: bool, workers: int) -> DataLoader[Any]:
        files = Files(folder, self._height_px, self._width_px, self._charset, augmented=training)
        return DataLoader(
            files,
            self._recipe.batch_lines,
            shuffle=training,
            num_workers=workers,
            collate_fn=_collate,
            pin_memory=self._device != "cpu",
            persistent_workers=workers > 0,
        )
