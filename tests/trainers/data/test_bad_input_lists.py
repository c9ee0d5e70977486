"""Label files that are wrong in one way each: lists, tables and JSON."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from testing.bad_input import WORDS, BadInput, Maker, rows_of, write_images, write_set

MORE_ROWS = "label of more than one line"
MISSING = "image is missing"
NO_CELL = "not a row of a table: it has a line end inside, or is too long"


def listed(content: bytes | str, name: str = "train.txt", suffix: str = ".png", form: str | None = None) -> Maker:
    """Makes the images of the words and a label file with some content; `{rows}` in it are the rows of the words."""

    def make(folder: Path) -> None:
        names = write_set(folder, suffix, form)
        data = content.replace("{rows}", "\n".join(rows_of(names)) + "\n").encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)

    return make


def rows(between: str = "\t", end: str = "\n", prefix: str = "", suffix: str = ".png") -> str:
    return "".join(f"{prefix}{number}{suffix}{between}{word}{end}" for number, word in enumerate(WORDS))


def with_file(name: str, content: str) -> Maker:
    """Makes a good list, and another file beside it."""

    def make(folder: Path) -> None:
        listed("{rows}")(folder)
        (folder / name).write_text(content, encoding="utf-8")

    return make


def doctr(content: bytes | str) -> Maker:
    return listed(content if isinstance(content, bytes) else content.encode(), "labels.json")


def labels(**changed: str) -> str:
    """A `labels.json` of the words, in which some labels are others; the text is that of JSON, with its escapes."""
    texts = {f"{number}.png": json.dumps(word) for number, word in enumerate(WORDS)}
    texts |= {f"{number[1:]}.png": text for number, text in changed.items()}
    return "{" + ",\n".join(f'"{name}": {text}' for name, text in texts.items()) + "}"


def in_subfolder(content: str) -> Maker:
    """Makes the images in `train/`, and a list beside it."""

    def make(folder: Path) -> None:
        write_set(folder / "train")
        (folder / "rec_gt.txt").write_text(content, encoding="utf-8")

    return make


def accents(in_list: str, in_folder: str) -> Maker:
    def make(folder: Path) -> None:
        names = [f"é{number}.png" for number in range(len(WORDS))]
        write_images(folder, [unicodedata.normalize(in_folder, name) for name in names])
        text = "\n".join(rows_of([unicodedata.normalize(in_list, name) for name in names]))
        (folder / "train.txt").write_text(text, encoding="utf-8")

    return make


WRITTEN_AS: dict[str, BadInput] = {
    f"list in {encoding}": BadInput(listed(("\ufeff" + rows()).encode(encoding)))
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
} | {f"rows that end in {end!r}": BadInput(listed(rows(end=end).encode())) for end in ("\n", "\r\n", "\r")}

LISTS: dict[str, BadInput] = {
    **WRITTEN_AS,
    **{
        f"list of {suffix}": BadInput(listed(rows(suffix=suffix), suffix=suffix, form=form))
        for suffix, form in (
            (".jfif", "JPEG"),
            (".ppm", None),
            (".pgm", None),
            (".pbm", "PPM"),
            (".pnm", "PPM"),
            (".JFIF", "JPEG"),
        )
    },
    "table with CR only": BadInput(listed("filename,words\r" + rows(",", "\r"), "labels.csv")),
    "table in UTF-16": BadInput(listed(("\ufefffilename,words\n" + rows(",")).encode("utf-16-le"), "labels.csv")),
    "a UTF-16 list with half a character": BadInput(
        listed(b"\xff\xfe" + rows().replace("gamma", "ga\ud83d").encode("utf-16-le", "surrogatepass")),
        ("alpha", "beta", "delta"),
        {"label is not UTF-8": 1},
    ),
    "a UTF-16 list that is cut in a character": BadInput(listed(("\ufeff" + rows()).encode("utf-16-le") + b"\x41")),
    "UTF-16 without a mark": BadInput(listed(rows().encode("utf-16-le")), None, {}, ("not UTF-8 text", "iconv -f UTF-16LE")),
    "big endian UTF-16 without a mark": BadInput(
        listed(rows().encode("utf-16-be")), None, {}, ("not UTF-8 text", "iconv -f UTF-16BE")
    ),
    "Chinese in GBK": BadInput(
        listed(rows().replace("a", "汉字").encode("gbk")), None, {}, ("not UTF-8 text", "iconv -f GB18030")
    ),
    "German in CP1252": BadInput(
        listed("".join(f"{n}.png\tGröße {n} für Häuser\n" for n in range(4)).encode("cp1252")), None, {}, ("iconv -f CP1252",)
    ),
    "backslashes in names": BadInput(in_subfolder(rows(prefix="train\\"))),
    "one name with a backslash": BadInput(in_subfolder(rows(prefix="train/").replace("train/1", "train\\1"))),
    "absolute names of Windows": BadInput(
        in_subfolder(rows(prefix="C:/Users/me/lines/train/")),
        None,
        {},
        ("take 'C:/Users/me/lines/' off", "train/0.png is found"),
    ),
    "absolute names of Windows with backslashes": BadInput(
        in_subfolder(rows(prefix="D:\\lines\\train\\")), None, {}, ("take 'D:\\lines\\' off",)
    ),
    "absolute names of another Linux": BadInput(
        in_subfolder(rows(prefix="/mnt/lines/train/")), None, {}, ("take '/mnt/lines/' off",)
    ),
    "absolute names of images that are nowhere": BadInput(
        in_subfolder("C:/a/b.png\tx\n"), None, {}, ("absolute paths", "C:/a/b.png", "relative to")
    ),
    "images that are nowhere": BadInput(in_subfolder("a/b.png\tx\n"), None, {}, ("looked for a/b.png", "@FOLDER")),
    "names composed, files decomposed": BadInput(accents("NFC", "NFD")),
    "names decomposed, files composed": BadInput(accents("NFD", "NFC")),
    "a byte order mark in the middle": BadInput(listed(rows().replace("2.png", "\ufeff2.png"))),
    "blanks around a name": BadInput(listed(rows().replace("2.png", " 2.png "))),
    "a name of 5,000 letters": BadInput(listed("{rows}" + "q" * 5000 + ".png\tlong\n"), left_out={MISSING: 1}),
    "a name with a zero byte after many rows": BadInput(
        listed("{rows}" + "0.png\talpha\n" * 50 + "a\0b.png\tx\n"), left_out={"listed twice": 50, MISSING: 1}
    ),
    "a label with a CR inside": BadInput(listed(rows().replace("beta", "be\rta")), ("alpha", "gamma", "delta"), {MORE_ROWS: 1}),
    "a long row beside a good list": BadInput(with_file("corpus.txt", "wort " * 40_000)),
    "a first label like a header": BadInput(
        listed(rows().replace("alpha", "Date, Name, Text")), ("Date, Name, Text", *WORDS[1:])
    ),
    "an image list of another format": BadInput(listed(rows(suffix=".heic")), None, {}, (".heic is not decoded", "PNG")),
    "a list that is empty": BadInput(listed(""), None, {}, ("no lines of a known kind",)),
    "a list of blank rows": BadInput(listed("\n \n\t\n"), None, {}, ("no lines of a known kind",)),
    "a name twice with one label": BadInput(listed("{rows}0.png\talpha\n"), left_out={"listed twice": 1}),
}

TABLES: dict[str, BadInput] = {
    "no header": BadInput(listed(rows(","), "labels.csv"), None, {}, ("a table (comma) without a header", "filename,words")),
    "no header, semicolons": BadInput(listed(rows(";"), "labels.csv"), None, {}, ("(semicolon) without a header",)),
    "columns of other names": BadInput(
        listed("scan,what\n" + rows(","), "labels.csv"), None, {}, ("are not known (scan, what)", "name two: csv:")
    ),
    "a quoted cell over two rows": BadInput(
        listed("filename,words\n" + rows(",").replace("gamma", '"gamma\nmore"'), "labels.csv"),
        ("alpha", "beta", "delta"),
        {MORE_ROWS: 1},
    ),
    "a quoted cell over four rows, three columns": BadInput(
        listed("filename,words,who\n" + rows(",", ",me\n").replace("gamma", '"ga\n\nm\nma"'), "labels.csv"),
        ("alpha", "beta", "delta"),
        {MORE_ROWS: 1},
    ),
    "a quote that stays open": BadInput(
        listed("filename,words\n" + rows(",").replace("gamma", '"gamma'), "labels.csv"), ("alpha", "beta", '"gamma', "delta")
    ),
    "a quote that stays open, last row": BadInput(
        listed("filename,words\n" + rows(",").replace("delta", '"delta'), "labels.csv"), ("alpha", "beta", "gamma", '"delta')
    ),
    "a measure in inches": BadInput(
        listed("filename,words\n" + rows(",").replace("gamma", 'disk, 5"'), "labels.csv"),
        ("alpha", "beta", 'disk, 5"', "delta"),
    ),
    "a cell of 150,000 characters": BadInput(
        listed("filename,words\n" + rows(",").replace("gamma", "x" * 150_000), "labels.csv"),
        ("alpha", "beta", "delta"),
        {NO_CELL: 1},
    ),
    "a bare CR in a cell": BadInput(
        listed("filename,words\n" + rows(",").replace("gamma", "ga\rmma"), "labels.csv"),
        ("alpha", "beta", "delta"),
        {NO_CELL: 1},
    ),
    "a header of 150,000 characters": BadInput(
        listed("filename," + "x" * 150_000 + "\n" + rows(","), "labels.csv"), None, {}, ("no lines of a known kind",)
    ),
    "a row with too few cells": BadInput(
        listed("filename,words,who\n" + rows(",", ",me\n") + "0.png\n", "labels.csv"),
        left_out={"1 cells where the header has 3": 1},
    ),
    "sep= in the first row": BadInput(listed("sep=;\nfilename;words\n" + rows(";"), "labels.csv")),
}

JSON_FILES: dict[str, BadInput] = {
    "in UTF-16": BadInput(doctr(("\ufeff" + labels()).encode("utf-16-le"))),
    "in CP1252": BadInput(doctr(labels(_1='"Größe"').encode("cp1252")), None, {}, ("not UTF-8 text (line 2)", "CP1252")),
    "a comma too many": BadInput(doctr(labels()[:-1] + ",\n}"), None, {}, ("not valid JSON: a comma too many in line 5",)),
    "a comma too few": BadInput(doctr(labels().replace(",\n", "\n", 1)), None, {}, ("not valid JSON", "line 2")),
    "cut short": BadInput(doctr(labels()[:30]), None, {}, ("not valid JSON", "in line")),
    "a list": BadInput(doctr('[["0.png", "alpha"]]'), None, {}, ("not a JSON object",)),
    "no image": BadInput(doctr('{"version": "1"}'), None, {}, ("names no image",)),
    "nested 200,000 deep": BadInput(doctr('{"0.png": ' + "[" * 200_000), None, {}, ("not valid JSON", "nested too deeply")),
    "a number of 5,000 digits": BadInput(doctr('{"0.png": ' + "1" * 5000 + "}"), None, {}, ("too many digits",)),
    "numbers as labels": BadInput(doctr(labels(_1="17")), ("alpha", "gamma", "delta"), {"label is not text": 1}),
    "half a character in a label": BadInput(
        doctr(labels(_1='"a\\ud83d"')), ("alpha", "gamma", "delta"), {"label holds half a character (U+D83D)": 1}
    ),
    "half a character in a name": BadInput(doctr(labels()[:-1] + ', "x\\ud83d.png": "x"}'), left_out={MISSING: 1}),
    "a zero byte in a name": BadInput(doctr(labels()[:-1] + ', "x\\u0000.png": "x"}'), left_out={MISSING: 1}),
    "a line end in a label": BadInput(doctr(labels(_1='"one\\ntwo"')), ("alpha", "gamma", "delta"), {MORE_ROWS: 1}),
    "a line end behind a label": BadInput(doctr(labels(_1='"beta\\n"')), ("alpha", "beta\n", "gamma", "delta")),
    "an image twice with two labels": BadInput(doctr(labels()[:-1] + ', "0.png": "other"}'), (*WORDS, "other")),
    "an image twice with one label": BadInput(doctr(labels()[:-1] + ', "0.png": "alpha"}'), left_out={"listed twice": 1}),
}


@pytest.mark.parametrize("name", LISTS)
def test_list(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    LISTS[name].check(tmp_path / "set", capsys)


@pytest.mark.parametrize("name", TABLES)
def test_table(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    TABLES[name].check(tmp_path / "set", capsys)


@pytest.mark.parametrize("name", JSON_FILES)
def test_labels_json(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    JSON_FILES[name].check(tmp_path / "set", capsys)
