"""LMDB databases and saved data sets that are wrong in one way each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from dashboards.cli.command_line import main
from testing.bad_input import (
    WORDS,
    BadInput,
    Maker,
    beside,
    both,
    encoded,
    good_list,
    inside,
    link,
    lmdb_entries,
    text,
    write_lmdb,
)

NO_LABEL = "image without label"
PARTS = "alpha", "beta", "delta"
"""The words without the third, which is spoilt."""

IMAGE, LABEL = b"image-000000001", b"label-000000001"
FIRST_KEY = "image-000000001 and label-000000001 are missing (the first keys are 'image-"


def database(entries: Mapping[bytes, bytes], named: bytes | None = None) -> Maker:
    def make(folder: Path) -> None:
        write_lmdb(folder, entries, named)

    return make


def counted_as(count: bytes | None) -> Maker:
    return database(lmdb_entries(count))


def single_file(folder: Path) -> None:
    write_lmdb(folder.parent / "database", lmdb_entries(b"4"))
    (folder.parent / "database" / "data.mdb").rename(folder / "train.lmdb")


def damaged(at: int, size: int) -> Maker:
    """Makes a database of 40 lines, some bytes of which are overwritten."""

    def make(folder: Path) -> None:
        write_lmdb(folder, lmdb_entries(b"40", lines=40))
        data = bytearray((folder / "data.mdb").read_bytes())
        data[at : at + size] = b"\xa5" * size
        (folder / "data.mdb").write_bytes(data)

    return make


def changed(**entries: bytes) -> Maker:
    return database(lmdb_entries(b"4") | {LABEL[:-1] + key[1:].encode(): value for key, value in entries.items()})


DATABASES: dict[str, BadInput] = {
    "no count": BadInput(counted_as(None), None, {}, ("num-samples is missing (the first keys are 'image-000000001'",)),
    **{
        f"count {count!r}": BadInput(counted_as(count), None, {}, ("num-samples is ", "not a number from 1 up"))
        for count in (b"", b"-4", b"0", b"000", b"b'4'", b"4.0", (4).to_bytes(8, "little"), b"x" * 500)
    },
    **{f"count {count!r}": BadInput(counted_as(count)) for count in (b"4\n", b" 4 ", b"0004")},
    "count of 10^12": BadInput(
        counted_as(b"1" + b"0" * 12), left_out={"num-samples is larger than the database": 1, NO_LABEL: 5}
    ),
    "keys of 7 digits": BadInput(database(lmdb_entries(b"4", "{}-{:07d}")), None, {}, (FIRST_KEY + "0000001'",)),
    "keys of 1 digit": BadInput(database(lmdb_entries(b"4", "{}-{}")), None, {}, (FIRST_KEY + "1'",)),
    "other keys": BadInput(
        database({b"num-samples": b"4", b"a\x00\xff": b"b"}), None, {}, ("are missing (the first keys are",)
    ),
    "a named database": BadInput(database(lmdb_entries(b"4"), b"train"), None, {}, ("it has named databases, 'train'",)),
    "no entry": BadInput(database({}), None, {}, ("the database is empty",)),
    "the first line missing": BadInput(
        database({k: v for k, v in lmdb_entries(b"4").items() if k not in (IMAGE, LABEL)}), WORDS[1:], {NO_LABEL: 1}
    ),
    "a label that is not UTF-8": BadInput(changed(_3=b"\xff"), PARTS, {"label is not UTF-8": 1}),
    "a label of two rows": BadInput(changed(_3=b"a\nb"), PARTS, {"label of more than one line": 1}),
    "a label with a line end behind it": BadInput(changed(_3=b"gamma\n"), ("alpha", "beta", "gamma\n", "delta")),
    "a single file": BadInput(single_file, None, {}, ("LMDB database in a single file", "as data.mdb: mkdir -p")),
    "a copy in a hidden folder": BadInput(
        both(inside("a", counted_as(b"4")), inside("a/.ipynb_checkpoints", counted_as(b"4")))
    ),
    "a linked folder": BadInput(both(beside("other", counted_as(b"4")), link("linked", "../other"))),
    "no database at all": BadInput(text("data.mdb", "a" * 9000), None, {}, ("not a readable LMDB set",)),
    "an empty file": BadInput(text("data.mdb", ""), None, {}, ("not a readable LMDB set",)),
}


def parquet(images: object, texts: object, **more: object) -> Maker:
    def make(folder: Path) -> None:
        pa = pytest.importorskip("pyarrow", reason="needs the package pyarrow")
        from pyarrow import parquet as files

        files.write_table(pa.table({"image": images, "text": texts, **more}), folder / "train-00000-of-00001.parquet")

    return make


def saved(texts: list[str], share: float = 1.0) -> Maker:
    """Makes what `save_to_disk` writes, of which a share of the bytes is there."""

    def make(folder: Path) -> None:
        pa = pytest.importorskip("pyarrow", reason="needs the package pyarrow")
        table = pa.table({"image": PICTURES, "text": texts})
        with pa.OSFile(str(folder / "data.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
        data = (folder / "data.arrow").read_bytes()
        (folder / "data.arrow").write_bytes(data[: int(len(data) * share)])
        (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}]}))

    return make


def rename_columns(folder: Path) -> None:
    from pyarrow import parquet as files

    (file,) = folder.glob("*.parquet")
    files.write_table(files.read_table(file).rename_columns(["scan", "says"]), file)


PICTURES = [encoded(number) for number in range(len(WORDS))]
NUMBERS = ("its values are numbers, not text", "cast_column('text'")
SAVED: dict[str, BadInput] = {
    "as it should be": BadInput(saved(list(WORDS))),
    "numbers as labels": BadInput(parquet(PICTURES, [17, 4, 5, 6]), None, {}, NUMBERS),
    "fractions as labels": BadInput(parquet(PICTURES, [1.5, 4.0, 5.0, 6.0]), None, {}, NUMBERS),
    "lists as labels": BadInput(
        parquet(PICTURES, [["a"], ["b"], [], []]), None, {}, ("no line with a label", "label is not text")
    ),
    "no labels": BadInput(parquet(PICTURES, [None, "beta", None, "delta"]), ("beta", "delta"), {NO_LABEL: 2}),
    "a label of two rows": BadInput(
        parquet(PICTURES, ["alpha", "beta", "a\nb", "delta"]), PARTS, {"label of more than one line": 1}
    ),
    "columns of other names": BadInput(
        both(parquet(PICTURES, list(WORDS)), rename_columns), None, {}, ("no known columns", "hf:")
    ),
    "a file that is no Parquet": BadInput(text("train.parquet", "no"), None, {}, ("not a readable Arrow or Parquet file",)),
    **{
        f"cut at {share:.0%}": BadInput(saved(["x" * 2000] * 4, share), None, {}, ("data.arrow is ",))
        for share in (0.02, 0.3, 0.6, 0.9)
    },
    **{
        f"state.json is {content[:20]!r}": BadInput(both(good_list, text("state.json", content)))
        for content in (
            "{",
            "[]",
            "5",
            "null",
            '"x"',
            "{}",
            '{"_data_files": 5}',
            '{"_data_files": [{}]}',
            '{"_data_files": [5]}',
            "\0",
        )
    },
    "a state.json alone": BadInput(text("state.json", "{"), None, {}, ("state.json is not valid JSON",)),
}


GROUPS = {"database": DATABASES, "saved": SAVED}


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, cases in GROUPS.items() for name in cases])
def test_database(group: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    GROUPS[group][name].check(tmp_path / "set", capsys)


@pytest.mark.parametrize("at", range(0, 20 * 4096, 2048 + 512))
def test_a_damaged_database_loses_lines_or_is_refused(at: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    damaged(at, 600)(folder)
    code = main(["data", "check", str(folder), "--processes", "1"])
    printed = capsys.readouterr()
    assert code == 0 or (code == 2 and printed.err.count("\n") == 1), printed.err
