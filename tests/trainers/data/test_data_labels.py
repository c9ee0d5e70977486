"""Charsets and normalisers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_space.time_steps import ctc_steps_needed
from testing.shared_data import shared_folder
from trainers.base.errors import UserError
from trainers.data.charset import Charset
from trainers.data.normalisers import NORMALISERS, normalise


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30))
def test_what_is_encoded_is_decoded(text: str) -> None:
    charset = Charset.from_texts([text])
    indices = charset.encode(text)
    assert "".join(charset.symbols[i - 1] for i in indices) == text
    assert min(indices) >= 1 and max(indices) <= len(charset)


def test_equal_sets_of_labels_give_equal_charsets() -> None:
    assert Charset.from_texts(["ba", "c"]) == Charset.from_texts(["cab"]) == Charset(("a", "b", "c"))


def test_an_unknown_character_is_named() -> None:
    with pytest.raises(UserError, match="'ü'"):
        Charset.from_texts(["abc"]).encode("aü")
    assert Charset.from_texts(["abc"]).outside("xaxy") == ["x", "y"]


def test_a_file_may_have_bom_crlf_and_a_space(tmp_path: Path) -> None:
    file = tmp_path / "charset.txt"
    file.write_bytes("\ufeff \r\na\r\n字\r\n\r\na\r\n".encode())
    assert Charset.from_file(file).symbols == (" ", "a", "字")


@pytest.mark.parametrize(("content", "message"), [("ab\n", "one character"), ("", "empty"), (b"\xff\xfe\x00", "UTF-8")])
def test_bad_files_are_named(tmp_path: Path, content: str | bytes, message: str) -> None:
    file = tmp_path / "charset.txt"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError, match=message):
        Charset.from_file(file)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no\.txt is not there"):
        Charset.from_file(tmp_path / "no.txt")


def test_mapping_uses_other_written_forms_and_invents_nothing() -> None:
    charset = Charset.from_texts(["Ab3国ﬁfi\u00e9"])
    assert charset.mapped("ＡB３國") == "Ab3国"
    assert charset.mapped("e\u0301") is None
    assert Charset.from_texts(["fi"]).mapped("ﬁ") == "fi"
    assert charset.mapped("☃") is None


def test_the_contest_charset_is_read() -> None:
    charset = Charset.from_file(shared_folder("data/contest_labels") / "charset.txt")
    assert len(charset) == 3937 and charset.symbols[0] == " "


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("none", "Ａ ﬁ國", "Ａ ﬁ國"),
        ("nfc", "e\u0301", "é"),
        ("nfkc", "Ａﬁ①", "Afi1"),
        ("lower", "AÉ", "aé"),
        ("no_spaces", "a b\tc", "abc"),
        ("contest_zh", "Ａ　國！", "A 国!"),
        ("fudan", "Ａ國", "a国"),
        ("english_36", "It's 5 o'clock", "its5oclock"),
    ],
)
def test_normalisers(name: str, text: str, expected: str) -> None:
    assert normalise(name, text) == expected


@pytest.mark.parametrize("name", sorted(NORMALISERS))
@given(text=st.text(max_size=20))
def test_normalising_twice_changes_nothing(name: str, text: str) -> None:
    once = normalise(name, text)
    assert normalise(name, once) == once


def test_an_unknown_normaliser_gets_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'contest_zh'"):
        normalise("contest-zh", "x")


@given(st.text(alphabet="ab", max_size=12))
def test_ctc_needs_a_step_between_equal_neighbours(text: str) -> None:
    alone = "".join(c for i, c in enumerate(text) if i == 0 or c != text[i - 1])
    assert ctc_steps_needed(text) == len(text) + (len(text) - len(alone))
