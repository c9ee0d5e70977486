"""Sizes with units."""

import pytest

from search_space.units import parse_size, write_count, write_size


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("10MB", 10_000_000),
        ("500KB", 500_000),
        ("1.5MiB", 1_572_864),
        ("2 gib", 2 * 2**30),
        (" .5 kib ", 512),
        ("17B", 17),
    ],
)
def test_units_are_decimal_or_binary(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["10", "", "MB", "ten MB", "10 Mbit", "-1MB", "1,5MB", "1 MB MB"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a size; write a number and a unit, such as 500KB"):
        parse_size(text)


def test_nothing_is_no_size() -> None:
    with pytest.raises(ValueError, match="not a size above zero"):
        parse_size("0MB")


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (428_258, "428KB"),
        (1_573_420, "1.57MB"),
        (12, "12B"),
        (999_499, "999KB"),
        (999_500, "1.00MB"),
        (9_502_000, "9.50MB"),
        (9_994_900, "9.99MB"),
        (9_996_000, "10.0MB"),
        (10_000_000, "10.0MB"),
        (99_600_000, "99.6MB"),
        (99_960_000, "100MB"),
    ],
)
def test_three_digits_are_shown(size_bytes: int, text: str) -> None:
    assert write_size(size_bytes) == text


def test_counts_have_three_digits_too() -> None:
    counts = (428_258, 9_502_000, 99_600, 999_600)
    assert [write_count(count) for count in counts] == ["428K", "9.50M", "99.6K", "1.00M"]


def test_a_written_size_is_read_back_within_its_digits() -> None:
    for size_bytes in (7, 1234, 98_765, 4_185_039, 123_456_789, 5_000_000_000):
        assert parse_size(write_size(size_bytes)) == pytest.approx(size_bytes, rel=0.005)
