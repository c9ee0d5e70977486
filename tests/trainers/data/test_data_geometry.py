"""Laws of the geometry that training and reader share."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from trainers.base.preprocess import EVEN_DEVIATION, canonical_width, fit_height, scaled_width, to_input
from trainers.batching.collate import to_pixels


def scan(width: int = 90, height: int = 40, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, size=(height // 4, width // 4, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("height_px", [32, 48, 64])
def test_the_aspect_ratio_stays(height_px: int) -> None:
    fitted = fit_height(scan(200, 50), height_px)
    assert fitted.shape == (height_px, 4 * height_px, 3)
    assert scaled_width(200, 50, height_px) == 4 * height_px


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "I", "F", "HSV"])
def test_every_mode_gives_the_same_grey_picture(mode: str) -> None:
    grey = scan().convert("1") if mode == "1" else scan().convert("L")
    if mode in ("I;16", "I"):
        other = Image.fromarray(np.asarray(grey, dtype=np.uint16) * 257)
        other = other if mode == "I;16" else other.convert("I")
    elif mode in ("CMYK", "HSV"):
        other = grey.convert("RGB").convert(mode)
    else:
        other = grey.convert("RGB").convert(mode) if mode not in ("1", "P", "F") else grey.convert(mode)
    difference = np.abs(fit_height(other, 32).astype(int) - fit_height(grey.convert("L"), 32).astype(int))
    assert difference.max() <= 1


def test_grey_reads_the_same_stored_as_grey_or_as_colour() -> None:
    grey = scan().convert("L")
    assert np.array_equal(fit_height(grey, 32), fit_height(grey.convert("RGB"), 32))


def test_array_and_image_are_the_same() -> None:
    image = scan()
    assert np.array_equal(fit_height(image, 48), fit_height(np.asarray(image), 48))
    grey = np.asarray(image.convert("L"))
    assert np.array_equal(fit_height(grey, 48), fit_height(grey[:, :, None], 48))


def test_an_image_of_the_height_is_not_resampled() -> None:
    once = fit_height(scan(), 32)
    assert np.array_equal(fit_height(once, 32), once)


def test_transparent_pixels_are_white() -> None:
    image = Image.new("RGBA", (64, 32), (0, 0, 0, 0))
    assert fit_height(image, 32).min() == 255


def test_the_orientation_a_camera_noted_is_applied() -> None:
    upright = scan(120, 40)
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me clockwise to show me"
    file = io.BytesIO()
    turned.save(file, "PNG", exif=exif)
    assert np.array_equal(fit_height(Image.open(file), 32), fit_height(upright, 32))
    assert ImageOps.exif_transpose(Image.open(file)).size == (120, 40)


@pytest.mark.parametrize("shape", [(0, 5), (4, 0, 3), (4, 4, 2), (4,)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="image array"):
        fit_height(np.zeros(shape, dtype=np.uint8), 32)


def test_canonical_widths() -> None:
    assert [canonical_width(w) for w in (1, 32, 33, 320)] == [32, 32, 64, 320]
    assert [canonical_width(w, 12) for w in (1, 96, 97)] == [96, 96, 192]
    assert all(canonical_width(w, s) % s == 0 for w in range(1, 400, 7) for s in (4, 8, 12))


def test_padding_is_mid_grey_and_on_the_right() -> None:
    black, white = np.zeros((32, 10, 3), dtype=np.uint8), np.full((32, 40, 3), 255, dtype=np.uint8)
    batch = to_input([black, white], 64)
    assert batch.shape == (2, 3, 32, 64)
    assert (batch[0, :, :, :10] == -1).all() and (batch[0, :, :, 10:] == 0).all()
    assert (batch[1, :, :, :40] == 1).all() and (batch[1, :, :, 40:] == 0).all()


def test_a_line_is_the_same_alone_and_in_a_batch() -> None:
    images = [fit_height(scan(w, seed=w), 32) for w in (60, 90, 120)]
    together = to_input(images, 128)
    assert all(np.array_equal(together[i], to_input([image], 128)[0]) for i, image in enumerate(images))


def test_an_even_line_looks_the_same_in_any_light_and_colour() -> None:
    rng = np.random.default_rng(0)
    line = rng.integers(60, 120, (32, 50, 3)).astype(np.uint8)
    brighter = (line * np.array([1.5, 1.5, 1.5]) + np.array([20, 0, 45])).astype(np.uint8)
    one, other = (to_input([image], 64, "even") for image in (line, brighter))
    assert np.abs(one - other).max() < 0.1 and np.abs(one).max() <= 1
    assert one[0, :, :, :50].std() == pytest.approx(EVEN_DEVIATION, rel=0.2) and not one[0, :, :, 50:].any()
    blank = to_input([np.full((32, 40, 3), 200, dtype=np.uint8)], 64, "even")
    assert np.abs(blank).max() < 1e-4, "nothing is blown up where there is nothing"


@pytest.mark.parametrize("channels", [1, 3])
def test_training_and_reading_see_the_same_even_lines(channels: int) -> None:
    rng = np.random.default_rng(1)
    lines = [rng.integers(0, 256, (32, width, channels)).astype(np.uint8) for width in (40, 64)]
    canvas = np.zeros((2, 32, 64, channels), dtype=np.uint8)
    for row, line in zip(canvas, lines, strict=True):
        row[:, : line.shape[1]] = line
    shown = to_pixels(torch.from_numpy(canvas), torch.tensor([40, 64]), "even")
    read = to_input([np.repeat(line, 3 // channels, axis=2) for line in lines], 64, "even")
    torch.testing.assert_close(shown.contiguous(), torch.from_numpy(read[:, :channels]), rtol=1e-4, atol=1e-5)
