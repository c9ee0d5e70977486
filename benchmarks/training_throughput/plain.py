"""The loop to compare with, as it is usually written: decode and augment each image in a DataLoader, pad to the widest."""

from __future__ import annotations

import math
import time
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
from trainers.data.charset import Charset
from trainers.decode import collapse, spell
from trainers.recipe import Recipe
from trainers.score import Score, score


class Files(Dataset[tuple[Tensor, Tensor]]):
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

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        image = Image.open(self.paths[i]).convert("RGB")
        width = min(self.width_px, max(1, round(image.width * self.height_px / image.height)))
        image = image.resize((width, self.height_px), Image.Resampling.BILINEAR)
        if self.augmented:
            image = _augment(image, np.random.default_rng())
        pixels = np.zeros((3, self.height_px, self.width_px), dtype=np.float32)
        pixels[:, :, :width] = np.asarray(image, dtype=np.float32).transpose(2, 0, 1) / 127.5 - 1
        return torch.from_numpy(pixels), torch.tensor(self.charset.encode(self.text(i)))


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


def _collate(items: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    images, labels = zip(*items, strict=True)
    lengths = torch.tensor([len(label) for label in labels])
    return torch.stack(images), nn.utils.rnn.pad_sequence(list(labels), batch_first=True), lengths


def train_plainly(
    architecture: Architecture, folder: Path, width_px: int, charset: Charset, recipe: Recipe, epochs: int, workers: int
) -> tuple[Recognizer, float]:
    """Trains, and returns the network and the seconds it took."""
    torch.manual_seed(0)
    network = build_recognizer(architecture, len(charset))
    files = Files(folder, architecture.height_px, width_px, charset, augmented=True)
    loader: DataLoader[Any] = DataLoader(
        files, recipe.batch_lines, shuffle=True, num_workers=workers, collate_fn=_collate, persistent_workers=workers > 0
    )
    optimizer = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    started, steps = time.perf_counter(), math.ceil(len(files) / recipe.batch_lines)
    network.train()
    for epoch in range(epochs):
        for at, (images, targets, lengths) in enumerate(loader):
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate_at(epoch + at / steps, epochs)
            loss = network.losses(images, targets, lengths).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip_norm)
            optimizer.step()
    return network, time.perf_counter() - started


@torch.inference_mode()
def read_plainly(network: Recognizer, folder: Path, width_px: int, charset: Charset) -> Score:
    """Scores the network on lines padded as it was trained on them."""
    files = Files(folder, network.architecture.height_px, width_px, charset, augmented=False)
    network.eval()
    readings = []
    for images, _, _ in DataLoader(files, 32, collate_fn=_collate):
        readings += [spell(row, charset.symbols) for row in collapse(network(images).argmax(2).numpy(), "ctc")]
    return score([files.text(i) for i in range(len(files))], readings)
