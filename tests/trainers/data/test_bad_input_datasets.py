"""Charset files, and sets that cannot be split or learnt: the message, or the note, that a user gets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from testing.bad_input import line_image
from trainers.base.errors import UserError
from trainers.data.charset import Charset, described
from trainers.data.dataset import LineDataset, prepare
from trainers.data.source_registry import shadowed_folder
from trainers.data.spec import DataSpec

LETTERS = tuple("abc")

CHARSETS: dict[str, tuple[bytes, tuple[str, ...] | Sequence[str]]] = {
    "LF": (b"a\nb\nc\n", LETTERS),
    "no LF at the end": (b"a\nb\nc", LETTERS),
    "CRLF and a mark": (b"\xef\xbb\xbfa\r\nb\r\nc\r\n", LETTERS),
    "CR only": (b"a\rb\rc\r", LETTERS),
    "UTF-16": ("\ufeffa\nb\nc\n".encode("utf-16-le"), LETTERS),
    "UTF-16, big endian": ("\ufeffa\nb\nc\n".encode("utf-16-be"), LETTERS),
    "UTF-32": ("\ufeffa\nb\nc\n".encode("utf-32-le"), LETTERS),
    "blanks behind": (b"a \nb\t\nc  \n", LETTERS),
    "the space": (b" \na\n", (" ", "a")),
    "the ideographic space": ("\u3000\na\n".encode(), ("\u3000", "a")),
    "a row of two spaces": (b"  \na\n", (" ", "a")),
    "twice the same": (b"a\nb\na\nc\n", LETTERS),
    "empty rows": (b"\n\na\n\nb\nc\n", LETTERS),
}

BAD_CHARSETS: dict[str, tuple[bytes, Sequence[str]]] = {
    "empty": (b"", ("is empty; write one character in each row",)),
    "only a mark": (b"\xef\xbb\xbf", ("is empty",)),
    "only rows": (b"\n\n", ("is empty",)),
    "all in one row": (bytes(range(97, 123)), ("a b c d e and 21 more; a row holds one character", "grep -o . chars.txt")),
    "3,000 in one row": ("".join(map(chr, range(0x4E00, 0x4E00 + 3000))).encode(), ("and 2,995 more", "grep -o")),
    "letter and accent": (b"a\ne\xcc\x81\n", ("symbol 2 is e U+0301 (combining acute accent)", "write it as é", "nfc")),
    "an emoji of several": (
        "👩\u200d🚒\n".encode() + b"a\n",
        ("symbol 1 is 👩 U+200D (zero width joiner) 🚒", "one character"),
    ),
    "a word": (b"a\nbc\n", ("symbol 2 is b c; a row holds one character",)),
    "not UTF-8": (b"\xff\xfea", ("is not UTF-8 text",)),
    "half of UTF-16": ("\ufeffa\nb".encode("utf-16-le")[:-2] + b"\x00\xd8", ("is not UTF-8 text",)),
}


@pytest.mark.parametrize("name", CHARSETS)
def test_a_charset_file(name: str, tmp_path: Path) -> None:
    content, symbols = CHARSETS[name]
    (tmp_path / "chars.txt").write_bytes(content)
    assert Charset.from_file(tmp_path / "chars.txt").symbols == tuple(symbols)


@pytest.mark.parametrize("name", BAD_CHARSETS)
def test_a_bad_charset_file_is_one_short_line(name: str, tmp_path: Path) -> None:
    content, parts = BAD_CHARSETS[name]
    (tmp_path / "chars.txt").write_bytes(content)
    with pytest.raises(UserError) as refused:
        Charset.from_file(tmp_path / "chars.txt")
    message = str(refused.value)
    assert all(part in message for part in parts), message
    assert len(message) < 200 + len(str(tmp_path)) and "\n" not in message


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        (" ", "U+0020 (space)"),
        ("\u00a0", "U+00A0 (no-break space)"),
        ("\u3000", "U+3000 (ideographic space)"),
        ("\u200b", "U+200B (zero width space)"),
        ("\u0301", "U+0301 (combining acute accent)"),
        ("\t", "U+0009 (no name)"),
        ("a", "a"),
        ("字", "字"),
    ],
)
def test_a_character_that_cannot_be_seen_is_named(symbol: str, words: str) -> None:
    assert described(symbol) == words


def write(folder: Path, labels: Sequence[str], pictures: Sequence[int] | None = None) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, label in enumerate(labels):
        line_image(number if pictures is None else pictures[number]).save(folder / f"{number}.png")
        rows.append(f"{number}.png\t{label}\n")
    (folder / "train.txt").write_text("".join(rows), encoding="utf-8")
    return str(folder)


def opened(tmp_path: Path, source: str, charset: str | None = None, validation: str | None = None) -> LineDataset:
    file = None
    if charset is not None:
        file = str(tmp_path / "chars.txt")
        Path(file).write_text(charset, encoding="utf-8")
    return prepare(DataSpec(training=source, charset=file, validation=validation), tmp_path / "cache")


NO_SPACE = "character outside the charset: U+0020 (space)"


def test_a_missing_space_can_be_seen(tmp_path: Path) -> None:
    found = opened(tmp_path, write(tmp_path / "set", ["ab", "a b"] * 10), "a\nb\n")
    assert found.counts.keys() == {NO_SPACE} and 6 <= found.counts[NO_SPACE] <= 10
    (note,) = found.notes
    assert "validation lines hold characters" in note and "U+0020 (space)" in note


IMPOSSIBLE: dict[str, tuple[list[str], list[int] | None, str | None, Sequence[str]]] = {
    "one image": (["abc"], None, None, ("1 training and 0 validation lines", "takes two at least", "--validation")),
    "all images equal": (
        ["same"] * 20,
        [0] * 20,
        None,
        ("20 training and 0", "all images are equal", "--validation"),
    ),
    "empty labels": ([" ", "", " "], None, None, ("no line can be used", "3 empty label")),
    "other characters": (["abc"] * 20, None, "x\ny\n", ("leaves no line", "each of the 16 labels", "(a b c)", "map")),
    "a dictionary without the space": ([f"{n} x" for n in range(10)] * 2, None, "x\n", ("leaves no line", "U+0020 (space)")),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_set_that_leaves_no_lines_says_why(name: str, tmp_path: Path) -> None:
    labels, pictures, charset, parts = IMPOSSIBLE[name]
    with pytest.raises(UserError) as refused:
        opened(tmp_path, write(tmp_path / "set", labels, pictures), charset)
    assert all(part in str(refused.value) for part in parts), refused.value


@pytest.mark.parametrize(
    ("pictures", "validation"),
    [
        ([0] * 20 + [1], 1),
        ([0] * 10 + [1] * 10, 10),
        ([0] * 5 + [1] * 6, 5),
        ([0, 1], 1),
        ([0, 0, 1], 1),
        ([0, 1, 2], 1),
        ([0, 0, 0, 1, 1, 1, 2], 1),
        (list(range(20)), 4),
        (list(range(10)) * 2, 4),
    ],
    ids=str,
)
def test_equal_images_are_on_one_side_and_never_more_than_half_validate(
    pictures: list[int], validation: int, tmp_path: Path
) -> None:
    found = opened(tmp_path, write(tmp_path / "set", [f"text {p}" for p in pictures], pictures))
    assert len(found.validation) == validation <= len(pictures) / 2
    assert not set(found.validation.originals.tolist()) & set(found.training.originals.tolist())


def test_validation_characters_that_training_lacks_are_said(tmp_path: Path) -> None:
    validation = write(tmp_path / "val", ["abc", "xyz", "aé", "a b"], [90, 91, 92, 93])
    (note,) = opened(tmp_path, write(tmp_path / "set", ["abc", "cba"]), validation=validation).notes
    assert note.startswith("3 of 4 validation lines hold characters") and "(x y z é U+0020 (space))" in note


def test_validation_lines_that_are_training_lines_are_said(tmp_path: Path) -> None:
    source = write(tmp_path / "set", ["abc", "cba"])
    (note,) = opened(tmp_path, source, validation=source).notes
    assert note.startswith("2 of 2 validation lines are training lines as well")


def test_a_folder_called_digits_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shadowed_folder("digits") is None
    (tmp_path / "digits").mkdir()
    assert shadowed_folder("x;digits") == "digits are the built-in lines; the folder here is named ./digits"
    assert shadowed_folder("./digits") is None
