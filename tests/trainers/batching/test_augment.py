"""Laws of augmentation: it changes lines, keeps them readable, and never touches padding."""

import numpy as np
import pytest
import torch

from trainers.batching.augment import augment
from trainers.batching.collate import inside
from trainers.batching.warp import warp


def batch(channels: int = 1, lines: int = 12, height: int = 32, canvas: int = 160) -> tuple[torch.Tensor, torch.Tensor]:
    """Lines of noise-free letters, 0.0 right of each."""
    generator = torch.Generator().manual_seed(0)
    widths = torch.randint(40, canvas + 1, (lines,), generator=generator)
    images = torch.rand(lines, channels, height, canvas, generator=generator) * 0.2 + 0.6
    images[:, :, 8:24, 10:30] = -0.9
    return images * inside(widths, canvas)[:, None, None, :], widths


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_lines_stay_in_range_and_padding_stays_padding(channels: int, strength: float) -> None:
    images, widths = batch(channels)
    for seed in range(5):
        torch.manual_seed(seed)
        changed, new = augment(images, widths, strength, np.random.default_rng(seed))
        assert changed.shape == (12, 3, 32, 160)
        assert changed.isfinite().all()
        assert changed.abs().max() <= 1
        assert (new >= 1).all() and (new <= 160).all()
        assert (changed * (1 - inside(new, 160))[:, None, None, :] == 0).all()


def test_strength_0_shows_lines_as_they_are() -> None:
    images, widths = batch()
    same, new = augment(images, widths, 0.0, np.random.default_rng(0))
    assert torch.equal(same, images.expand(-1, 3, -1, -1))
    assert torch.equal(new, widths)


def test_the_same_seed_gives_the_same_batch_and_another_another() -> None:
    images, widths = batch()
    shown = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        shown.append(augment(images, widths, 0.7, np.random.default_rng(seed))[0])
    assert torch.equal(shown[0], shown[1])
    assert not torch.equal(shown[0], shown[2])


def test_the_dial_turns_how_much_is_changed() -> None:
    images, widths = batch()

    def change(strength: float) -> float:
        total = 0.0
        for seed in range(8):
            torch.manual_seed(seed)
            total += float((augment(images, widths, strength, np.random.default_rng(seed))[0] - images).abs().mean())
        return total

    assert 0 < change(0.1) < change(0.4) < change(1.0)


def test_a_warp_of_strength_0_is_the_identity() -> None:
    images, widths = batch()
    warped, new = warp(images, widths, 0.0)
    assert torch.equal(new, widths)
    kept = inside(widths, 160)[:, None, None, :]
    torch.testing.assert_close(warped * kept, images, atol=1e-4, rtol=0)


def test_a_warp_moves_ink_but_keeps_it() -> None:
    """The dark block of each line is still there: about as much ink as before, letters are not cut away."""
    images, widths = batch()
    torch.manual_seed(0)
    warped, new = warp(images, widths, 1.0)
    dark_before = (images < -0.5).float().sum(dim=(1, 2, 3))
    dark_after = ((warped < -0.5).float() * inside(new, 160)[:, None, None, :]).sum(dim=(1, 2, 3))
    assert not torch.equal(dark_before, dark_after)
    assert ((dark_after / dark_before) > 0.4).all()


def test_each_line_is_changed_in_its_own_way() -> None:
    images, _ = batch()
    same = images[:1].expand(8, -1, -1, -1).contiguous()
    torch.manual_seed(0)
    changed, _ = augment(same, torch.full((8,), 160), 0.6, np.random.default_rng(0))
    assert all(not torch.equal(changed[0], other) for other in changed[1:])
