"""Folders that are wrong in one way each: pairs, databases, saved data sets, links, and names of sources."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest

from testing.bad_input import (
    WORDS,
    BadInput,
    Maker,
    beside,
    both,
    good_list,
    inside,
    link,
    lmdb_entries,
    text,
    write_images,
    write_lmdb,
    write_set,
)
from trainers.base.errors import UserError
from trainers.data.source_registry import absolute_sources, open_source, split_sources

NO_LABEL, NO_IMAGE = "image without label", "label without image"
PARTS = "alpha", "beta", "delta"
"""The words without the third, which is spoilt."""


def pairs(
    image: str = "{}.png", label: str = "{}.gt.txt", form: str | None = None, content: Mapping[int, bytes] | None = None
) -> Maker:
    """Makes an image and a label for each word, under some names; `content` replaces single labels."""

    def make(folder: Path) -> None:
        write_images(folder, [image.format(number) for number in range(len(WORDS))], form)
        for number, word in enumerate(WORDS):
            (folder / label.format(number)).write_bytes((content or {}).get(number, word.encode()))

    return make


def only_images(folder: Path) -> None:
    write_set(folder)


def stray_pair(folder: Path) -> None:
    write_images(folder, ["stray.png"])
    (folder / "stray.gt.txt").write_text("stray")


PAIRS: dict[str, BadInput] = {
    **{
        f"of {suffix}": BadInput(pairs("{}" + suffix, form=form))
        for suffix, form in ((".jfif", "JPEG"), (".ppm", None), (".pgm", None))
    },
    "word in both names": BadInput(pairs("{}.bin.png", "{}.bin.gt.txt")),
    "word in the image alone": BadInput(pairs("{}.nrm.png", "{}.gt.txt")),
    "suffix in the label": BadInput(pairs("{}.png", "{}.png.gt.txt")),
    "word and suffix in the label": BadInput(pairs("{}.bin.png", "{}.bin.png.gt.txt")),
    "capitals": BadInput(pairs("{}.PNG", "{}.GT.TXT")),
    "labels of both images of a line": BadInput(
        both(pairs("{}.bin.png", "{}.bin.gt.txt"), pairs("{}.png", "{}.gt.txt")), sorted(2 * WORDS, key=WORDS.index)
    ),
    "images decomposed": BadInput(pairs(unicodedata.normalize("NFD", "é{}.png"), "é{}.gt.txt")),
    "labels decomposed": BadInput(pairs("é{}.png", unicodedata.normalize("NFD", "é{}.gt.txt"))),
    "x.txt in place of x.gt.txt": BadInput(
        pairs(label="{}.txt"), None, {}, ("0.txt lies beside 0.png", "rename it to 0.gt.txt")
    ),
    "labels in UTF-16": BadInput(pairs(content={n: ("\ufeff" + word).encode("utf-16-le") for n, word in enumerate(WORDS)})),
    "a label that ends in CR": BadInput(pairs(content={1: b"beta\r"})),
    "a label of two rows": BadInput(pairs(content={2: b"a\nb"}), PARTS, {"label of more than one line": 1}),
    "a label of two rows of CR": BadInput(pairs(content={2: b"a\rb"}), PARTS, {"label of more than one line": 1}),
    "a label that is not UTF-8": BadInput(pairs(content={2: b"caf\xe9"}), PARTS, {"label is not UTF-8": 1}),
    "an empty label": BadInput(pairs(content={2: b""}), ("alpha", "beta", "", "delta")),
    "no label at all": BadInput(only_images, None, {}, ("images without labels", "labels.txt", "0.gt.txt")),
    "only labels": BadInput(text("a.gt.txt", "a"), None, {}, ("no pair", "a.gt.txt", NO_IMAGE)),
    "in a linked folder": BadInput(both(beside("elsewhere", pairs()), link("linked", "../elsewhere"))),
    "all in links to files": BadInput(
        both(beside("files", pairs()), *(link(f"{n}{s}", f"../files/{n}{s}") for n in range(4) for s in (".png", ".gt.txt")))
    ),
    "a link to the folder itself": BadInput(both(pairs(), link("again", "."))),
    "a link to the folder above": BadInput(both(pairs(), inside("deep", link("up", "..")))),
    "a folder that is linked twice": BadInput(
        both(beside("elsewhere", pairs()), link("a", "../elsewhere"), link("b", "../elsewhere"))
    ),
    "a link to nothing": BadInput(both(pairs(), link("gone.gt.txt", "nowhere")), left_out={NO_IMAGE: 1}),
    "copies in a hidden folder": BadInput(both(pairs(), inside(".ipynb_checkpoints", pairs()))),
    "one stray pair beside a list": BadInput(both(good_list, stray_pair)),
    "pairs beside a stray list": BadInput(both(pairs(), text("notes.txt", "0.png\tnot this\n"))),
    "some images without label": BadInput(
        both(pairs(), lambda folder: write_images(folder, ["x.png", "y.png"])), left_out={NO_LABEL: 2}
    ),
}

NAMED: dict[str, BadInput] = {
    "in a folder with a semicolon": BadInput(lambda folder: _named(folder, "a; b", good_list)),
    "in a folder with an at sign": BadInput(lambda folder: _named(folder, "a@b", good_list)),
    "in a folder with a colon": BadInput(lambda folder: _named(folder, "csv: a", good_list)),
    "several lists in a folder with a semicolon": BadInput(
        lambda folder: _named(folder, "a;b", both(good_list, text("second.txt", "0.png\tx\n"))),
        None,
        {},
        ("several label files",),
    ),
    "an archive": BadInput(text("set.tar.gz", "x"), None, {}, ("set.tar.gz", "unpack it")),
    "a spreadsheet": BadInput(text("labels.xlsx", "x"), None, {}, ("labels.xlsx", "rows image<TAB>label")),
    "photographs of a telephone": BadInput(text("a.heic", "x"), None, {}, (".heic is not decoded",)),
}


def _named(folder: Path, name: str, maker: Maker) -> str:
    inside(name, maker)(folder)
    return str(folder / name)


GROUPS = {"pairs": PAIRS, "named": NAMED}


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, cases in GROUPS.items() for name in cases])
def test_folder(group: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    GROUPS[group][name].check(tmp_path / "set", capsys)


@pytest.mark.parametrize("name", ["lmdb", "pairs", "csv", "paddle", "doctr", "hf", "icdar", "trdg"])
def test_a_folder_may_be_called_like_a_kind(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lmdb(tmp_path / name, lmdb_entries(b"4"))
    write_lmdb(tmp_path / "validation", lmdb_entries(b"4"))
    monkeypatch.chdir(tmp_path)
    assert [line.name for line in open_source(name).lines] == [f"image-{n:09d}" for n in range(1, 5)]
    assert absolute_sources(name) == str(tmp_path / name)


def test_a_path_with_a_semicolon_is_one_source(tmp_path: Path) -> None:
    folder = tmp_path / "a; b"
    folder.mkdir()
    assert split_sources(str(folder)) == [str(folder)] and absolute_sources(f"pairs:{folder}") == f"pairs:{folder}"
    assert split_sources(f"{tmp_path};digits") == [str(tmp_path), "digits"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    good_list(tmp_path)
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(UserError, match="closed may not be read"):
        open_source(str(tmp_path))
