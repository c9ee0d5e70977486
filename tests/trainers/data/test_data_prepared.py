"""Prepared datasets: lines are decoded once, shared between processes, split, and verified."""

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search_space import Architecture
from trainers.base.errors import TrainingFault, UserError
from trainers.base.preprocess import fit_height
from trainers.data import cache
from trainers.data.dataset import prepare
from trainers.data.spec import DataSpec

Make = Callable[..., Path]


def make_pairs(folder: Path, texts: list[str], seed: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for n, text in enumerate(texts):
        width = 20 * max(1, len(text)) + n
        shape = (40, width) if n % 3 else (40, width, 3)
        Image.fromarray(rng.integers(0, 256, size=shape, dtype=np.uint8)).save(folder / f"{n:03d}.png")
        (folder / f"{n:03d}.gt.txt").write_text(text + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return make_pairs(tmp_path / "lines", [f"line {n % 7}{'x' * (n % 5)}" for n in range(40)])


def spec_of(folder: Path, **changes: object) -> DataSpec:
    return DataSpec.from_dict({"training": str(folder), **changes})


def test_images_are_those_of_the_files(pairs: Path, tmp_path: Path) -> None:
    prepared = prepare(spec_of(pairs, validation=str(pairs), height_px=48), tmp_path / "cache")
    for i in range(40):
        expected = fit_height(Image.open(pairs / prepared.training.name(i)), 48)
        image = prepared.training.image(i)
        assert image.shape == (48, prepared.training.widths[i], 3) and not image.flags.writeable
        assert np.array_equal(image, expected)
        assert prepared.training.is_grey(i) == bool(i % 3)
        assert prepared.training.text(i) == (pairs / f"{i:03d}.gt.txt").read_text().strip()


def test_many_processes_write_the_same_store(pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CHUNK_LINES", 7)
    alone = prepare(spec_of(pairs), tmp_path / "one", processes=1)
    together = prepare(spec_of(pairs), tmp_path / "two", processes=2)
    assert alone.digest == together.digest
    files = {p.relative_to(tmp_path / "one"): p.read_bytes() for p in (tmp_path / "one").rglob("*.bin")}
    assert files == {p.relative_to(tmp_path / "two"): p.read_bytes() for p in (tmp_path / "two").rglob("*.bin")}


def test_decoded_once_and_again_when_the_source_changes(pairs: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        calls.append((done, total))

    cache = tmp_path / "cache"
    first = prepare(spec_of(pairs), cache, progress)
    assert calls[-1] == (40, 40)
    calls.clear()
    assert prepare(spec_of(pairs), cache, progress).digest == first.digest and not calls
    assert prepare(spec_of(pairs, normaliser="lower", unknown="map"), cache, progress) and not calls
    assert prepare(spec_of(pairs, height_px=48), cache, progress).training.image(0).shape[0] == 48 and calls
    (pairs / "003.gt.txt").write_text("quite another text", encoding="utf-8")
    changed = prepare(spec_of(pairs), cache, progress)
    assert changed.digest != first.digest
    assert len([p for p in (cache / "data").iterdir() if p.is_dir()]) == 2  # one per height: the old one is gone


@pytest.mark.parametrize(("split", "sizes"), [(1, (36, 4)), (2, (32, 8))])
def test_lines_are_set_aside_by_content(split: int, sizes: tuple[int, int], pairs: Path, tmp_path: Path) -> None:
    prepared = prepare(spec_of(pairs, split=split), tmp_path / "cache")
    assert (len(prepared.training), len(prepared.validation)) == sizes
    renamed = tmp_path / "renamed"
    shutil.copytree(pairs, renamed)
    for file in renamed.iterdir():
        file.rename(renamed / f"{99 - int(file.name[:3]):03d}{file.name[3:]}")
    again = prepare(spec_of(renamed, split=split), tmp_path / "cache")
    assert sorted(again.validation.texts) == sorted(prepared.validation.texts)
    assert set(again.validation.contents) == set(prepared.validation.contents)
    assert not set(prepared.validation.contents) & set(prepared.training.contents)


def test_bad_images_are_counted_and_stop_nothing(pairs: Path, tmp_path: Path) -> None:
    (pairs / "000.png").write_bytes(b"")
    (pairs / "001.png").write_bytes(b"no image at all")
    whole = (pairs / "002.png").read_bytes()
    (pairs / "002.png").write_bytes(whole[: len(whole) // 2])
    (pairs / "003.gt.txt").write_text("  \n", encoding="utf-8")
    (pairs / "004.gt.txt").unlink()
    Image.new("L", (4000, 4)).save(pairs / "005.png")
    prepared = prepare(spec_of(pairs), tmp_path / "cache")
    assert len(prepared.training) + len(prepared.validation) == 34
    assert {s.name: s.reason for s in prepared.skipped} == {
        "000.png": "empty file (0 bytes)",
        "001.png": "not a readable image",
        "002.png": "not a readable image",
        "003.png": "empty label",
        "004.png": "image without label",
        "005.png": "image is more than 150 times as wide as high",
    }
    assert prepared.counts["not a readable image"] == 2


def test_no_usable_image_is_one_line(tmp_path: Path) -> None:
    folder = make_pairs(tmp_path / "lines", ["a"])
    (folder / "000.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"none of 1 lines can be used; the first, 000.png: empty file"):
        prepare(spec_of(folder), tmp_path / "cache")
    assert not [p for p in (tmp_path / "cache" / "data").iterdir() if p.is_dir()]


@pytest.mark.parametrize("fault", ["index", "no index", "short", "missing"])
def test_a_damaged_entry_is_made_again(pairs: Path, tmp_path: Path, fault: str) -> None:
    cache = tmp_path / "cache"
    digest = prepare(spec_of(pairs), cache).digest
    (entry,) = (p for p in (cache / "data").iterdir() if p.is_dir())
    group = sorted(entry.glob("*.bin"))[0]
    if fault == "index":
        (entry / "index.json").write_text((entry / "index.json").read_text().replace('"height_px":32', '"height_px":48'))
    elif fault == "no index":
        (entry / "index.json").unlink()
    elif fault == "short":
        group.write_bytes(group.read_bytes()[:-1])
    else:
        group.unlink()
    assert prepare(spec_of(pairs), cache).digest == digest


def test_damaged_pixels_are_a_fault_once_and_then_made_again(pairs: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    digest = prepare(spec_of(pairs), cache).digest
    for group in cache.rglob("*.bin"):
        data = bytearray(group.read_bytes())
        data[len(data) // 2] ^= 255
        group.write_bytes(data)
    damaged = prepare(spec_of(pairs), cache)
    with pytest.raises(TrainingFault, match="damaged") as caught:
        for i in range(len(damaged.training)):
            damaged.training.image(i)
    assert caught.value.kind == "cache"
    again = prepare(spec_of(pairs), cache)
    assert again.digest == digest
    assert all(again.training.image(i).size for i in range(len(again.training)))


def _prepare_elsewhere(arguments: tuple[str, str]) -> str:
    return prepare(spec_of(Path(arguments[0])), Path(arguments[1])).digest


def test_two_that_start_together_build_one_entry(pairs: Path, tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        digests = list(pool.map(_prepare_elsewhere, [(str(pairs), str(tmp_path / "cache"))] * 4))
    assert len(set(digests)) == 1
    assert len([p for p in (tmp_path / "cache" / "data").iterdir() if p.is_dir()]) == 1


def test_what_a_killed_build_left_is_swept_away(pairs: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    prepare(spec_of(pairs), cache)
    (entry,) = (p for p in (cache / "data").iterdir() if p.is_dir())
    entry.rename(entry.with_name(entry.name + ".building"))
    prepare(spec_of(pairs), cache)
    assert [p.name for p in (cache / "data").iterdir() if p.is_dir()] == [entry.name]


def test_a_full_disk_is_noticed_before(pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(UserError, match=r"takes about 0.00 GB in .*, where 0.00 GB is free; 0.07 GB more .*PARETEXT_HOME"):
        prepare(spec_of(pairs), tmp_path / "cache")


def test_characters_outside_the_charset(pairs: Path, tmp_path: Path) -> None:
    charset = tmp_path / "charset.txt"
    charset.write_text("\n".join(" lineX0123456"), encoding="utf-8")
    changes = {"charset": str(charset), "validation": str(pairs)}
    dropped = prepare(spec_of(pairs, **changes), tmp_path / "cache")
    without = sum("x" not in t for t in dropped.validation.texts)
    assert len(dropped.training) == without and len(dropped.validation) == 40
    assert dropped.counts == {"character outside the charset: x": 40 - without}
    assert dropped.charset.symbols[0] == " " and len(dropped.charset) == 13
    mapped = prepare(spec_of(pairs, unknown="map", **changes), tmp_path / "cache")
    assert len(mapped.training) == 40 and any("X" in t for t in mapped.training.texts)
    with pytest.raises(UserError, match=r"holds 'x', which .*charset\.txt lacks"):
        prepare(spec_of(pairs, unknown="error", **changes), tmp_path / "cache")


def test_several_sources_weights_and_first_lines(pairs: Path, tmp_path: Path) -> None:
    other = make_pairs(tmp_path / "other", ["abc"] * 20, seed=1)
    joined = f"{pairs};{other}"
    prepared = prepare(DataSpec(training=joined, validation=str(pairs), weights=(1, 3)), tmp_path / "cache")
    weights = prepared.training.weights
    assert weights is not None and len(weights) == 60
    assert weights.mean() == pytest.approx(1) and weights[-1] == pytest.approx(3 * weights[0])
    few = prepare(DataSpec(training=joined, validation=str(pairs), training_lines=30), tmp_path / "cache").training
    assert [few.name(i) for i in range(30)] == [f"{n:03d}.png" for n in (*range(20), *range(10))]
    with pytest.raises(UserError, match="2 numbers"):
        DataSpec(training=joined, weights=(1,))


def test_lines_too_narrow_for_ctc_are_known(tmp_path: Path) -> None:
    folder = make_pairs(tmp_path / "lines", ["a"] * 9)
    Image.new("L", (64, 32), 9).save(folder / "000.png")
    (folder / "000.gt.txt").write_text("aabbccddee", encoding="utf-8")
    prepared = prepare(spec_of(folder, validation=str(folder)), tmp_path / "cache")
    assert prepared.infeasible(Architecture(time_stride=4)) == [] and prepared.infeasible(Architecture(time_stride=8)) == [0]
    assert prepared.longest_label == 10


def test_labels_too_long_for_an_attention_head_are_known_whatever_the_width(tmp_path: Path) -> None:
    folder = make_pairs(tmp_path / "lines", ["a"] * 9 + ["ab" * 13])
    Image.new("L", (900, 32), 9).save(folder / "009.png")
    prepared = prepare(spec_of(folder, validation=str(folder)), tmp_path / "cache")
    assert prepared.infeasible(Architecture(head="attention", head_rank=8)) == [9]
    assert prepared.infeasible(Architecture()) == []


def test_the_spec_travels_as_json_and_names_its_mistakes() -> None:
    spec = DataSpec(training="a;b", weights=(1, 2), unknown="map", training_lines=5)
    assert DataSpec.from_dict(json.loads(json.dumps(spec.as_dict()))) == spec
    for wrong, message in [
        ({"normaliser": "contest"}, "did you mean 'contest_zh'"),
        ({"unknown": "dropp"}, "did you mean 'drop'"),
        ({"height_px": 0}, "height_px"),
        ({"training_lines": 0}, "training_lines"),
        ({"hieght_px": 32}, "did you mean 'height_px'"),
    ]:
        with pytest.raises(UserError, match=message):
            DataSpec.from_dict({"training": "digits", **wrong})


MANY = int(os.environ.get("PARETEXT_LINES", "8000"))
"""Lines of a large source; the time grows with them in proportion. Set 100000 for a thorough run, which takes a minute."""


@pytest.mark.slow
def test_many_thousand_lines_are_practical(tmp_path: Path) -> None:
    """Hard links to a few hundred images: as many files, and as much decoding, as lines of their own."""
    few = make_pairs(tmp_path / "few", ["a"] * 250)  # short labels make narrow images, and the number of lines is what counts
    many = tmp_path / "many"
    many.mkdir()
    for n in range(MANY):
        for suffix in (".png", ".gt.txt"):
            os.link(few / f"{n % 250:03d}{suffix}", many / f"{n:06d}{suffix}")
    prepared = prepare(spec_of(many), tmp_path / "cache")
    assert len(prepared.training) + len(prepared.validation) == MANY


def test_the_charset_keeps_characters_that_no_label_has(tmp_path: Path) -> None:
    folder = make_pairs(tmp_path / "lines", ["ab", "bc"] * 5)
    plain = prepare(spec_of(folder, validation=str(folder)), tmp_path / "cache")
    more = prepare(spec_of(folder, validation=str(folder), more_symbols="zba0"), tmp_path / "cache")
    assert more.charset.symbols == ("0", "a", "b", "c", "z")
    assert plain.charset.symbols == ("a", "b", "c") and plain.digest != more.digest
    with pytest.raises(UserError, match="a charset file already names all of them"):
        spec_of(folder, charset="charset.txt", more_symbols="z")


def test_validation_lines_are_known_by_the_source_they_belong_to(tmp_path: Path) -> None:
    first, second = (make_pairs(tmp_path / name, ["ab", "cd", "ef"] * 4, seed) for seed, name in enumerate(("first", "second")))
    both = f"{first};{second}"
    split = prepare(spec_of(first, training=both), tmp_path / "cache").validation_by_source()
    assert list(split) == [str(first), str(second)] and all(len(lines) for lines in split.values())
    given = prepare(spec_of(first, validation=str(second)), tmp_path / "cache")
    assert list(given.validation_by_source()) == [str(second)]
    assert given.validation_by_source()[str(second)].texts == given.validation.texts
    mixed = prepare(spec_of(first, training=f"digits;{first}"), tmp_path / "cache").validation_by_source()
    assert set(mixed) == {"digits", str(first)} and len(mixed["digits"]) == 500
    former = prepare(spec_of(first, training=both, split=1), tmp_path / "cache").validation_by_source()
    assert set(former) <= {str(first), str(second)} and former


def test_one_name_of_two_sources_is_two_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two projects with a folder of the same name, and one cache."""
    kept = []
    for project in ("p", "q"):
        make_pairs(tmp_path / project / "lines", [f"{project} {n}" for n in range(6)])
        monkeypatch.chdir(tmp_path / project)
        kept.append(prepare(DataSpec(training="lines"), tmp_path / "cache"))
    assert all(prepared.is_current() for prepared in kept)
