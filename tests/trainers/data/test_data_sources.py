"""Round trips: the same difficult lines written in each form a source may have, and read back."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainers.base.errors import UserError
from trainers.data.dataset import prepare
from trainers.data.held_out import open_held_out
from trainers.data.source_registry import find_source, open_source, own_test, own_validation
from trainers.data.spec import DataSpec

TEXTS = [
    "plain",
    "zwei Wörter",
    "汉字，國",
    'a, b; "c"',
    "😀👍🏽",
    "שלום עולם",
    "tab\there",
    "it's",
    "ﬁ Ａ１",
    "e\u0301",
    "#",
    "a\u2028b",
]
"""Commas, quotes, tabs, emoji, right to left, compatibility and combining forms, a line separator that is not a line end."""

Writer = Callable[[Path, list[str]], str]


def pictures(folder: Path, count: int) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for n in range(count):
        Image.fromarray(np.full((20, 40 + n), 10 * n, dtype=np.uint8)).save(folder / f"word_{n}.png")
        names.append(f"word_{n}.png")
    return names


def encoded(number: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((20, 40 + number), 10 * number, dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def write_pairs(folder: Path, texts: list[str]) -> str:
    for name, text in zip(pictures(folder, len(texts)), texts, strict=True):
        (folder / name.replace(".png", ".gt.txt")).write_bytes(f"\ufeff{text}\r\n".encode())
    return str(folder)


def write_paddle(folder: Path, texts: list[str]) -> str:
    names = pictures(folder / "train", len(texts))
    rows = [f"train/{name}\t{text}" for name, text in zip(names, texts, strict=True)]
    (folder / "rec_gt_train.txt").write_bytes(("\ufeff" + "\r\n".join(rows)).encode())
    return str(folder)


def write_lmdb(folder: Path, texts: list[str]) -> str:
    lmdb = pytest.importorskip("lmdb", reason="needs the package lmdb")
    for inside, part in (("first", slice(0, 5)), ("second/deep", slice(5, None))):
        place = folder / inside
        place.mkdir(parents=True)
        numbers = range(len(texts))[part]
        with lmdb.open(str(place), map_size=1 << 20) as environment, environment.begin(write=True) as transaction:
            for key, number in enumerate(numbers, start=1):
                transaction.put(f"image-{key:09d}".encode(), encoded(number))
                transaction.put(f"label-{key:09d}".encode(), texts[number].encode())
            transaction.put(b"num-samples", str(len(numbers)).encode())
    return str(folder)


def write_doctr(folder: Path, texts: list[str]) -> str:
    names = pictures(folder / "images", len(texts))
    (folder / "labels.json").write_text(json.dumps(dict(zip(names, texts, strict=True))), encoding="utf-8-sig")
    return str(folder)


def write_csv(folder: Path, texts: list[str]) -> str:
    names = pictures(folder, len(texts))
    with (folder / "metadata.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "width", "text"])
        table.writerows([name, 40 + n, text] for n, (name, text) in enumerate(zip(names, texts, strict=True)))
    return str(folder)


def write_easyocr(folder: Path, texts: list[str]) -> str:
    names = pictures(folder, len(texts))
    rows = [f"{name},{text}\r\n" for name, text in zip(names, texts, strict=True)]
    (folder / "labels.csv").write_bytes(("filename,words\r\n" + "".join(rows)).encode())
    return str(folder)


def write_trdg(folder: Path, texts: list[str]) -> str:
    names = pictures(folder, len(texts))
    Image.new("L", (4, 4)).save(folder / "word_0_mask.png")
    (folder / "word_0_boxes.txt").write_text("0 0 4 4\n")
    (folder / "labels.txt").write_text("".join(f"{n} {t}\n" for n, t in zip(names, texts, strict=True)), encoding="utf-8")
    return str(folder)


def write_icdar(folder: Path, texts: list[str]) -> str:
    names = pictures(folder, len(texts))
    quoted = ['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts]
    rows = [f"{name}, {text}\r\n" for name, text in zip(names, quoted, strict=True)]
    (folder / "gt.txt").write_text("".join(rows), encoding="utf-8-sig", newline="")
    return str(folder)


def arrow_table(texts: list[str]) -> object:
    pa = pytest.importorskip("pyarrow", reason="needs the package pyarrow")
    images = [{"bytes": encoded(n), "path": None} for n in range(len(texts))]
    return pa.table({"image": pa.array(images, pa.struct([("bytes", pa.binary()), ("path", pa.string())])), "text": texts})


def write_saved(folder: Path, texts: list[str]) -> str:
    """As `datasets` writes a set with splits with `save_to_disk`."""
    table = arrow_table(texts)
    pa = pytest.importorskip("pyarrow")
    for split, part in (("train", table), ("validation", table.slice(0, 3))):  # type: ignore[attr-defined]
        (folder / split).mkdir(parents=True)
        name = "data-00000-of-00001.arrow"
        with pa.OSFile(str(folder / split / name), "wb") as file, pa.ipc.new_stream(file, part.schema) as stream:
            stream.write_table(part)
        (folder / split / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "validation"]}))
    return str(folder)


def write_parquet(folder: Path, texts: list[str]) -> str:
    table = arrow_table(texts)
    parquet = pytest.importorskip("pyarrow.parquet")
    (folder / "data").mkdir(parents=True)
    parquet.write_table(table, folder / "data" / "train-00000-of-00001.parquet", row_group_size=2)
    parquet.write_table(table.slice(0, 3), folder / "data" / "validation-00000-of-00001.parquet")  # type: ignore[attr-defined]
    return str(folder)


WRITERS: dict[str, Writer] = {
    "pairs": write_pairs,
    "paddle": write_paddle,
    "lmdb": write_lmdb,
    "doctr": write_doctr,
    "csv": write_csv,
    "easyocr": write_easyocr,
    "trdg": write_trdg,
    "icdar": write_icdar,
    "saved": write_saved,
    "parquet": write_parquet,
}
NAMED = {"easyocr": "csv", "saved": "hf", "parquet": "hf"}


@pytest.mark.parametrize("form", WRITERS)
def test_round_trip(form: str, tmp_path: Path) -> None:
    source = WRITERS[form](tmp_path / "set", TEXTS)
    for text in (source, f"{NAMED.get(form, form)}:{source}"):
        found = open_source(text)
        read = {line.load().width - 40: line.text for line in found.lines}
        assert read == dict(enumerate(TEXTS))
        assert found.skipped == []


@pytest.mark.parametrize("form", WRITERS)
def test_prepared_by_several_processes_and_noticed_when_changed(form: str, tmp_path: Path) -> None:
    source = WRITERS[form](tmp_path / "set", TEXTS)
    before = find_source(source).fingerprint()
    assert find_source(source).fingerprint() == before
    prepared = prepare(DataSpec(training=source, validation=source), tmp_path / "cache", processes=2)
    assert sorted(prepared.training.texts) == sorted(text.replace("\t", " ") for text in TEXTS)
    other = WRITERS[form](tmp_path / "other", [*TEXTS[:-1], "changed"])
    assert find_source(other).fingerprint() != before


def test_a_list_of_images_shares_a_label(tmp_path: Path) -> None:
    pictures(tmp_path, 3)
    (tmp_path / "train.txt").write_text('["word_0.png", "word_1.png"]\tboth\nword_2.png\tone\n')
    assert [(x.name, x.text) for x in open_source(str(tmp_path)).lines] == [
        ("word_0.png", "both"),
        ("word_1.png", "both"),
        ("word_2.png", "one"),
    ]


def test_rows_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    pictures(tmp_path, 3)
    rows = ["word_0.png\tok", "word_0.png\tok", "no tab", "gone.png\tx", 'word_1.png\t[{"transcription": "a", "points": []}]']
    (tmp_path / "train.txt").write_bytes("\n".join(rows).encode() + b"\nword_2.png\t\xff\n")
    found = open_source(str(tmp_path))
    assert [line.name for line in found.lines] == ["word_0.png"]
    assert sorted((s.name, s.reason) for s in found.skipped) == [
        ("gone.png", "image is missing"),
        ("no tab", "no tab between image and label"),
        ("train.txt row 6", "label is not UTF-8"),
        ("word_0.png", "listed twice"),
        ("word_1.png", "a detection label, not a line of text"),
    ]


def test_icdar_marks_and_commas(tmp_path: Path) -> None:
    pictures(tmp_path, 4)
    (tmp_path / "gt.txt").write_text('word_0.png, "###"\nword_1.png, "a, b"\nword_2.png,bare\nword_3.png, "say \\"hi\\""\n')
    found = open_source(str(tmp_path))
    assert [line.text for line in found.lines] == ["a, b", "bare", 'say "hi"']
    assert found.skipped[0].reason == "marked as unreadable (###)"


def test_images_near_the_list_or_where_named(tmp_path: Path) -> None:
    pictures(tmp_path / "pictures", 2)
    (tmp_path / "lists").mkdir()
    list_file = tmp_path / "lists" / "train.txt"
    list_file.write_text("pictures/word_0.png\ta\npictures/word_1.png\tb\n")
    assert len(open_source(str(list_file)).lines) == 2  # the list's parent folder
    list_file.write_text("word_0.png\ta\nword_1.png\tb\n")
    with pytest.raises(
        UserError, match=r"no image of .*train\.txt is there: looked for word_0\.png .*name the folder as paddle:"
    ):
        open_source(str(list_file))
    assert len(open_source(f"paddle:{list_file}@{tmp_path / 'pictures'}").lines) == 2
    assert len(open_source(f"{list_file}@{tmp_path / 'pictures'}").lines) == 2
    with pytest.raises(UserError, match=r"image folder .*nowhere is not there"):
        open_source(f"paddle:{list_file}@{tmp_path / 'nowhere'}")


def test_several_lists_in_a_folder_are_not_guessed(tmp_path: Path) -> None:
    pictures(tmp_path, 2)
    for name in ("train.txt", "val.txt"):
        (tmp_path / name).write_text("word_0.png\ta\n")
    with pytest.raises(UserError, match=r"several label files \(train.txt, val.txt\); name one"):
        open_source(str(tmp_path))
    joined = prepare(
        DataSpec(training=f"{tmp_path}/train.txt;{tmp_path}/val.txt", validation=f"{tmp_path}/val.txt"), tmp_path / "cache"
    )
    assert len(joined.training) == 2


def test_columns_can_be_named(tmp_path: Path) -> None:
    pictures(tmp_path, 2)
    (tmp_path / "sheet.csv").write_text("scan;what it says;who\nword_0.png;a;x\nword_1.png;b\n")
    with pytest.raises(UserError, match="no lines of a known kind"):
        open_source(str(tmp_path / "sheet.csv"))
    with pytest.raises(UserError, match="no known columns"):
        open_source(f"csv:{tmp_path}/sheet.csv")
    with pytest.raises(UserError, match="did you mean 'what it says'"):
        open_source(f"csv:{tmp_path}/sheet.csv@scan,what it sais")
    found = open_source(f"csv:{tmp_path}/sheet.csv@scan,what it says")
    assert [line.text for line in found.lines] == ["a"]
    assert found.skipped[0].reason == "2 cells where the header has 3"


@pytest.mark.parametrize("form", ["saved", "parquet"])
def test_a_hugging_face_set_brings_its_validation_split(form: str, tmp_path: Path) -> None:
    source = WRITERS[form](tmp_path / "set", TEXTS)
    other = own_validation(source)
    assert other is not None and other.startswith("hf:")
    assert len(open_source(other).lines) == 3
    prepared = prepare(DataSpec(training=source), tmp_path / "cache")
    assert (len(prepared.training), len(prepared.validation)) == (len(TEXTS), 3)
    assert own_test(source) is None
    for folder in (tmp_path / "set", tmp_path / "set" / "data"):
        for split in folder.glob("validation*"):
            beside = split.with_name(split.name.replace("validation", "test"))
            shutil.copytree(split, beside) if split.is_dir() else shutil.copy(split, beside)
    tests = open_held_out(prepare(DataSpec(training=source, test="auto"), tmp_path / "cache"), tmp_path / "cache")
    assert tests is not None and tests.lines.texts == prepared.validation.texts
    with pytest.raises(UserError, match="has no column 'words'"):
        open_source(f"hf:{source}@image,words")


@pytest.mark.parametrize(("form", "package"), [("lmdb", "lmdb"), ("saved", "pyarrow")])
def test_a_missing_package_is_named(form: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = WRITERS[form](tmp_path / "set", TEXTS)
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(UserError, match=f"pip install {package}"):
        open_source(source)


def test_a_file_in_another_encoding_is_one_line(tmp_path: Path) -> None:
    pictures(tmp_path, 2)
    (tmp_path / "train.txt").write_bytes("word_0.png\t汉字\nword_1.png\t文字\n".encode("gb18030"))
    with pytest.raises(UserError, match="is not UTF-8 text; convert it"):
        open_source(f"paddle:{tmp_path}/train.txt")


def test_a_damaged_lmdb_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("lmdb", reason="needs the package lmdb")
    (tmp_path / "data.mdb").write_bytes(b"nothing")
    with pytest.raises(UserError, match="not a readable LMDB set"):
        open_source(str(tmp_path))
