"""Tests of how lines are shown in the training of starter weights."""

from __future__ import annotations

import pytest
import torch

from benchmarks.starter.train import stretched
from trainers.batching.collate import Batch


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.2])
def test_stretched_lines_keep_their_share_of_the_canvas_and_empty_padding(factor: float) -> None:
    images = torch.ones(2, 3, 32, 128)
    images[1, :, :, 50:] = 0
    batch = Batch(images, torch.tensor([128, 50]), torch.ones(2, 1, dtype=torch.long), torch.ones(2, dtype=torch.long))

    found = stretched(batch, factor)

    assert found.widths.tolist() == [round(128 * factor), round(50 * factor)]
    assert found.images.shape[3] % 32 == 0 and found.images.shape[3] - round(128 * factor) < 32
    for image, width in zip(found.images, found.widths.tolist(), strict=True):
        assert bool((image[..., width:] == 0).all()) and bool((image[..., : width - 2] > 0.9).all())
