"""Tests of how batches are cropped and scaled in the training of starter weights."""

from __future__ import annotations

import pytest
import torch

from benchmarks.starter.crops import CUT, cut, stretched
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


def test_a_cut_batch_shows_the_middle_rows_at_full_height() -> None:
    images = torch.linspace(0, 1, 32)[None, None, :, None].expand(2, 3, 32, 64).contiguous()
    batch = Batch(images, torch.tensor([64, 50]), torch.ones(2, 1, dtype=torch.long), torch.ones(2, dtype=torch.long))

    found = cut(batch, CUT, 0.25).images

    assert found.shape == images.shape
    assert torch.allclose(found[0, 0, 0, 0], torch.tensor(CUT), atol=0.02)
    assert torch.allclose(found[0, 0, -1, 0], torch.tensor(0.75), atol=0.02)
    assert torch.allclose(cut(batch, 0, 0).images, images, atol=1e-5)
    added = cut(batch, -0.25, 0).images[0, 0, :, 0]
    assert torch.allclose(added[:6], torch.tensor(0.0), atol=0.02) and torch.allclose(added[-1], torch.tensor(1.0), atol=0.02)
    assert torch.allclose(added[19], torch.tensor(0.5), atol=0.05), "the middle has moved down"
