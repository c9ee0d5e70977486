"""Laws of greedy decoding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.inference.decode import collapse, confidences, read_logits, spell


def logits_of(path: list[int], classes: int = 5, sureness: float = 9.0) -> np.ndarray:
    """(1, T, V) with a clear best class at each step."""
    return (sureness * np.eye(classes, dtype=np.float32)[path])[None]


def ctc_by_hand(path: list[int]) -> list[int]:
    merged = [k for i, k in enumerate(path) if i == 0 or path[i - 1] != k]
    return [k for k in merged if k]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_ctc_merges_repeats_and_drops_blanks(path: list[int]) -> None:
    assert collapse(np.array([path]), "ctc")[0].tolist() == ctc_by_hand(path)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_attention_reads_until_the_first_end(path: list[int]) -> None:
    read = path[: path.index(0)] if 0 in path else path
    assert collapse(np.array([path]), "attention")[0].tolist() == read


def test_indices_beyond_the_charset_spell_nothing() -> None:
    assert spell([1, 2, 7, 0], "ab") == "ab"


@pytest.mark.parametrize("decoding", ["ctc", "attention"])
def test_confidence_grows_with_sureness_and_stays_a_probability(decoding: str) -> None:
    path = [0, 1, 1, 0, 2, 3] if decoding == "ctc" else [1, 2, 3, 0, 4, 4]
    found = [read_logits(logits_of(path, sureness=s), "abcd", decoding)[0] for s in (1.0, 3.0, 9.0)]  # type: ignore[arg-type]
    assert len({text for text, _ in found}) == 1
    sure = [confidence for _, confidence in found]
    assert 0 < sure[0] < sure[1] < sure[2] <= 1


def test_an_unsure_border_between_letters_does_not_count_twice() -> None:
    logits = logits_of([1, 1, 2, 2])
    soft = logits.copy()
    soft[0, 1, 2] = soft[0, 1, 1] - 0.1  # either letter may own this step: the text is the same
    best = logits.argmax(axis=2)
    assert confidences(best, soft, "ctc") == pytest.approx(confidences(best, logits, "ctc"))


def test_what_follows_the_end_does_not_count() -> None:
    logits = logits_of([1, 0, 2, 3])
    unsure_tail = logits.copy()
    unsure_tail[0, 2:] *= 0.1
    best = logits.argmax(axis=2)
    assert confidences(best, unsure_tail, "attention") == pytest.approx(confidences(best, logits, "attention"))
