"""Folders of image and label pairs, and how sources are found."""

from pathlib import Path

import pytest
from PIL import Image

from testing.shared_data import shared_folder
from trainers.base.errors import UserError
from trainers.data.kinds.pairs import Pairs
from trainers.data.source_registry import find_source, open_source, own_validation, split_sources


def image(path: Path, width: int = 60) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (width, 20), 200).save(path)


def label(path: Path, text: str | bytes) -> None:
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def test_one_image_per_stem_and_the_binarised_one_first(tmp_path: Path) -> None:
    for name in ("a.png", "a.nrm.png", "a.bin.png", "b.nrm.png", "b.jpg", "c.1.tif", "inside/d.PNG", "e.bin.png.jpg"):
        image(tmp_path / name)
    for stem in ("a", "b", "c.1", "inside/d", "e"):
        label(tmp_path / f"{stem}.gt.txt", f"text {stem}\n")
    lines = open_source(str(tmp_path)).lines
    assert [(line.name, line.text) for line in lines] == [
        ("a.bin.png", "text a"),
        ("b.nrm.png", "text b"),
        ("c.1.tif", "text c.1"),
        ("e.bin.png.jpg", "text e"),
        ("inside/d.PNG", "text inside/d"),
    ]
    assert lines[0].load().size == (60, 20)


def test_what_has_no_partner_is_named_once(tmp_path: Path) -> None:
    image(tmp_path / "good.png")
    label(tmp_path / "good.gt.txt", "good")
    image(tmp_path / "lonely.png")
    label(tmp_path / "blind.gt.txt", "blind")
    image(tmp_path / "coded.png")
    label(tmp_path / "coded.gt.txt", "käse".encode("latin-1"))
    image(tmp_path / "long.png")
    label(tmp_path / "long.gt.txt", "one\ntwo\n")
    image(tmp_path / "._good.png")
    found = open_source(str(tmp_path))
    assert [line.name for line in found.lines] == ["good.png"]
    assert {(s.name, s.reason) for s in found.skipped} == {
        ("lonely.png", "image without label"),
        ("blind.gt.txt", "label without image"),
        ("coded.gt.txt", "label is not UTF-8"),
        ("long.gt.txt", "label of more than one line"),
    }


def test_bom_and_line_ends_are_not_part_of_a_label(tmp_path: Path) -> None:
    for name, text in {"a": "\ufeffgrün\r\n", "b": 'a\tb, "c" 😀\n', "c": "שלום"}.items():
        image(tmp_path / f"{name}.png")
        label(tmp_path / f"{name}.gt.txt", text)
    assert [line.text for line in open_source(str(tmp_path)).lines] == ["grün", 'a\tb, "c" 😀', "שלום"]


def test_the_fingerprint_follows_the_files(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    label(tmp_path / "a.gt.txt", "a")
    seen = {Pairs(tmp_path).fingerprint()}
    assert Pairs(tmp_path).fingerprint() in seen
    label(tmp_path / "a.gt.txt", "ab")
    seen.add(Pairs(tmp_path).fingerprint())
    image(tmp_path / "b.png")
    seen.add(Pairs(tmp_path).fingerprint())
    (tmp_path / "b.png").rename(tmp_path / "c.png")
    seen.add(Pairs(tmp_path).fingerprint())
    assert len(seen) == 4


def test_fraktur_lines() -> None:
    folder = shared_folder("data/fraktur_lines/testing")
    found = open_source(str(folder))
    assert len(found.lines) == 427 and not found.skipped


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("digit", "did you mean 'digits'"),
        ("digits:validatoin", "did you mean 'validation'"),
        ("parz:somewhere", "did you mean 'pairs'"),
        ("{folder}/lins", "did you mean 'lines'"),
        ("pairs:{folder}/lins", "did you mean 'lines'"),
        ("{folder}/empty", "is an empty folder"),
        ("{folder}/lines", "no lines of a known kind"),
        ("pairs:{folder}/lines", "holds no pair"),
    ],
)
def test_a_source_that_is_none_gets_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    image(tmp_path / "lines" / "a.png")
    with pytest.raises(UserError, match=message) as caught:
        open_source(text.format(folder=tmp_path))
    assert "\n" not in str(caught.value)


def test_joined_sources() -> None:
    assert split_sources("digits; a b ;;c") == ["digits", "a b", "c"]
    with pytest.raises(UserError, match="no data source"):
        split_sources(" ; ")
    assert own_validation("digits") == "digits:validation"
    assert own_validation("digits:validation") is None
    assert find_source("digits", 1).fingerprint() != find_source("digits", 2).fingerprint()
