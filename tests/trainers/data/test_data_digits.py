"""The built-in lines."""

import numpy as np

from trainers.data.digits import HEIGHT_PX, LINES, SPLITS, DigitLine, _scans, digit_lines
from trainers.data.source_registry import open_source


def test_as_many_lines_as_promised() -> None:
    assert {split: len(open_source(f"digits:{split}").lines) for split in SPLITS} == LINES
    assert LINES["training"] == 2000 and LINES["validation"] == 500


def test_no_scan_is_on_both_sides() -> None:
    training, validation = ({scan.tobytes() for scan in _scans()[side][0]} for side in (True, False))
    assert len(training & validation) == 0
    assert sum(len(_scans()[side][0]) for side in (True, False)) == 1797


def test_unseen_lines_are_made_of_validation_scans() -> None:
    assert DigitLine(0, "unseen", 3).text != DigitLine(0, "validation", 3).text
    scans = {side: len(_scans()[side][0]) for side in (True, False)}
    assert all(DigitLine(0, "unseen", n)._choose()[1].max() < scans[False] for n in range(50))


def test_the_same_seed_gives_the_same_lines() -> None:
    first, again, other = (digit_lines("training", seed, 5).lines for seed in (1, 1, 2))
    for one, same, different in zip(first, again, other, strict=True):
        assert one.text == same.text
        assert np.array_equal(np.asarray(one.load()), np.asarray(same.load()))
        assert np.asarray(one.load()).shape != np.asarray(different.load()).shape or one.text != different.text


def test_lines_are_three_to_eight_digits_and_32_px_high() -> None:
    lines = digit_lines("validation", 0).lines
    assert {len(line.text) for line in lines} == set(range(3, 9))
    assert all(line.text.isdecimal() for line in lines)
    for line in lines[:40]:
        image = line.load()
        assert image.height == HEIGHT_PX and image.mode == "RGB"
        assert 12 < image.width / len(line.text) < 40
        assert np.asarray(image.convert("L")).std() > 12
