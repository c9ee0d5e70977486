"""Codes come back from their bits, in about as many bits as was expected."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trainers.export.coded.rice import ESCAPED, LOW_BITS, best_form, expected_bits, pack, to_positive, unpack

CODES = st.lists(st.integers(-300, 300), min_size=1, max_size=70)
FORMS = st.sampled_from([ESCAPED, *LOW_BITS])


@given(st.lists(st.tuples(CODES, FORMS), min_size=1, max_size=4))
def test_packed_codes_come_back(drawn: list[tuple[list[int], int]]) -> None:
    groups = sorted(((np.array(codes), form) for codes, form in drawn), key=lambda group: (group[1] != ESCAPED, -group[1]))
    expected = np.concatenate([codes for codes, _ in groups])
    packed = pack(groups)
    assert 0 <= packed.parts[-1] < 8
    np.testing.assert_array_equal(unpack(packed), expected)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 15, 16, 17, 255, 256, 257])
@pytest.mark.parametrize("codes", [[0], [5], [-7], [0, 1], [-1, 1], [0, 0, 0, 900]], ids=str)
def test_one_or_two_symbols_and_byte_borders(codes: list[int], count: int) -> None:
    values = np.resize(np.array(codes), count)
    packed = pack([(values, best_form(values))])
    np.testing.assert_array_equal(unpack(packed), values)


@given(CODES)
def test_every_code_has_its_own_positive_number(codes: list[int]) -> None:
    positive = to_positive(np.array(codes))
    assert (positive >= 0).all() and len(set(positive.tolist())) == len(set(codes))
    assert (np.argsort(positive, kind="stable") == np.argsort(2 * np.abs(codes) - (np.array(codes) < 0), kind="stable")).all()


@pytest.mark.parametrize("step", [0.06, 0.125, 0.18, 0.25, 0.5, 0.8, 1.0, 1.2])
def test_normal_weights_take_the_bits_that_are_expected(step: float) -> None:
    codes = np.rint(np.random.default_rng(0).normal(size=100_000) / step).astype(np.int64)
    packed = pack([(codes, best_form(codes, escape_bytes=0))])
    assert 8 * packed.data.size / codes.size == pytest.approx(expected_bits(step), rel=0.005)
    assert entropy(codes) < expected_bits(step) < entropy(codes) + 0.15


def entropy(codes: NDArray[np.int64]) -> float:
    shares = np.unique(codes, return_counts=True)[1] / codes.size
    return float(-(shares * np.log2(shares)).sum())


@settings(max_examples=30)
@given(st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_a_long_tail_takes_few_bits(size: int, seed: int) -> None:
    """One large code among small ones takes its own bits alone."""
    codes = np.random.default_rng(seed).integers(-8, 9, size)
    longer = np.append(codes, 100_000)
    low = best_form(longer)
    assert pack([(longer, low)]).data.size * 8 <= (low + 1) * longer.size + int((to_positive(longer) >> low).sum()) + 7
