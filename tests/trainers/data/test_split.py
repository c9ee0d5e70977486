"""Splits: the same at every input height, and no picture on two sides."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainers.base.errors import UserError
from trainers.data import split
from trainers.data.dataset import LineDataset, prepare
from trainers.data.digits import DigitLine
from trainers.data.held_out import open_held_out
from trainers.data.near_equal import image_hash, same_pictures, tiny_version
from trainers.data.spec import DataSpec
from trainers.data.split import test_count as count_of_test_lines
from trainers.data.split import validation_count

HEIGHTS_PX = (32, 48, 64)


def save(folder: Path, name: str, image: Image.Image, text: str) -> None:
    path = folder / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    path.with_suffix("").with_suffix(".gt.txt").write_text(text + "\n", encoding="utf-8")


@cache
def digit_line(number: int, seed: int) -> tuple[Image.Image, str]:
    """One line, composed once for all tests; none of them changes the image."""
    line = DigitLine(seed, "training", number)
    return line(), line.text


def digits(count: int, seed: int = 0) -> Iterator[tuple[Image.Image, str]]:
    return (digit_line(number, seed) for number in range(count))


def near_copies(image: Image.Image) -> dict[str, Image.Image]:
    """What becomes of an image that is stored again, brightened, or cropped."""
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=30)
    width, height = image.size
    return {
        "recompressed": Image.open(file).convert("RGB"),
        "brighter": image.point(lambda value: min(255, value + 40)),
        "darker": image.point(lambda value: value * 7 // 10),
        "cropped": image.crop((1, 1, width - 1, height - 1)),
        "cropped_above": image.crop((0, 2, width, height)),
        "cropped_left": image.crop((2, 0, width, height)),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 lines of digits in six folders, 40 to 90 px high; every fifth with near copies in the same folder."""
    place = tmp_path_factory.mktemp("digits")
    for number, (image, text) in enumerate(digits(60)):
        high = image.resize((image.width * (40 + number % 51) // 32, 40 + number % 51), Image.Resampling.BICUBIC)
        save(place, f"page{number % 6}/{number:03d}", high, text)
        if number % 5 == 0:
            for name, copy in near_copies(high).items():
                save(place, f"page{number % 6}/{number:03d}-{name}", copy, text)
    return place


def names(dataset: LineDataset, part: str) -> list[str]:
    lines = getattr(dataset, part)
    return [] if lines is None else [lines.name(i) for i in range(len(lines))]


def sides(dataset: LineDataset) -> tuple[object, ...]:
    parts = tuple(names(dataset, part) for part in ("training", "validation", "set_aside"))
    return *parts, dataset.training.texts, dataset.validation.texts, dataset.charset.symbols


OPTIONS: list[dict[str, object]] = [
    {},
    {"group": "folder"},
    {"normaliser": "lower"},
    {"training_lines": 40},
    {"test": "auto"},
    {"test": "auto", "group": "folder"},
    {"rendered": {"count": 5}},
    {"test": "{parts}/test", "validation": "{parts}/validation"},
]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `validation` and `test` of twelve lines each."""
    place = tmp_path_factory.mktemp("parts")
    for seed, part in enumerate(("validation", "test"), 1):
        for number, (image, text) in enumerate(digits(12, seed)):
            save(place / part, f"{number:03d}", image, text)
    return place


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options) or "none")
def test_all_heights_have_the_same_lines(
    options: dict[str, object], folder: Path, parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split, "TEST_LINES_FROM", 50)
    options = {name: value.format(parts=parts) if isinstance(value, str) else value for name, value in options.items()}
    found = [
        prepare(DataSpec.from_dict({"training": str(folder), "height_px": height, **options}), tmp_path / "cache")
        for height in HEIGHTS_PX
    ]
    assert sides(found[0]) == sides(found[1]) == sides(found[2])
    assert ("set_aside" in options or options.get("test") == "auto") == bool(names(found[0], "set_aside"))
    tests = [open_held_out(dataset, tmp_path / "cache") for dataset in found]
    digests = {lines.digest for lines in tests if lines is not None}
    assert len(digests) == (1 if "test" in options else 0)
    assert [lines.lines.image(0).shape[0] for lines in tests if lines] == ([32, 48, 64] if digests else [])


def test_a_charset_from_a_file_does_not_move_lines(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "charset.txt").write_text("\n".join("012345678"), encoding="utf-8")
    plain, fewer = (
        prepare(DataSpec(training=str(folder), charset=charset), tmp_path / "cache")
        for charset in (None, str(tmp_path / "charset.txt"))
    )
    assert names(fewer, "validation") == names(plain, "validation")
    assert set(names(fewer, "training")) < set(names(plain, "training"))


@pytest.mark.parametrize("group", [None, "folder"])
def test_no_picture_is_on_two_sides(group: str | None, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "TEST_LINES_FROM", 50)
    dataset = prepare(DataSpec(training=str(folder), group=group, test="auto"), tmp_path / "cache")
    parts = [names(dataset, part) for part in ("training", "validation", "set_aside")]
    assert all(parts) and sum(map(len, parts)) == 60 + 12 * 6
    for key in (lambda name: name[6:9], *([lambda name: name[:5]] if group else [])):
        keys = [{key(name) for name in part} for part in parts]
        assert not keys[0] & keys[1] and not keys[0] & keys[2] and not keys[1] & keys[2]


def test_near_copies_are_one_picture_and_other_lines_with_the_same_label_are_not() -> None:
    lines = list(digits(2000))
    repeated = [(image, text) for image, text in lines if sum(text == other for _, other in lines) > 1]
    images = [image for image, _ in repeated]
    labels = [text for _, text in repeated]
    origins = list(range(len(images)))
    for number, (image, text) in enumerate(repeated):
        for copy in near_copies(image).values():
            images.append(copy)
            labels.append(text)
            origins.append(number)
    hashes = np.array([image_hash(image) for image in images], dtype=np.uint64)
    tiny = np.frombuffer(b"".join(map(tiny_version, images)), dtype=np.uint8).reshape(len(images), -1)
    pictures = same_pictures(hashes, tiny, labels)
    assert len(repeated) == 68 and len(set(pictures[:68])) >= 67, "one pair is as alike as near copies are"
    assert [int(p) for p in pictures] == [int(pictures[origin]) for origin in origins]


def test_an_equal_picture_is_one_whatever_its_label_and_mode(tmp_path: Path) -> None:
    for number, (image, text) in enumerate(digits(20)):
        save(tmp_path / "lines", f"{number:03d}", image.convert("L"), text)
        save(tmp_path / "lines", f"{number:03d}-again", image.convert("L").convert("RGB"), f"not {text}")
    dataset = prepare(DataSpec(training=str(tmp_path / "lines")), tmp_path / "cache")
    stems = [{name[:3] for name in names(dataset, part)} for part in ("training", "validation")]
    assert (len(dataset.training), len(dataset.validation)) == (32, 8) and not stems[0] & stems[1]


def test_a_group_needs_a_source_with_columns(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'has no columns, so group must be "folder", not "page"'):
        prepare(DataSpec(training=str(folder), group="page"), tmp_path / "cache")


def test_a_picture_in_two_groups_does_not_train_and_measure(tmp_path: Path) -> None:
    for number, (image, text) in enumerate(digits(50)):
        save(tmp_path / "lines", f"page{number % 5}/{number:03d}", image, text)
        if number < 5:
            save(tmp_path / "lines", f"page{(number + 1) % 5}/{number:03d}-again", image, text)
    dataset = prepare(DataSpec(training=str(tmp_path / "lines"), group="folder"), tmp_path / "cache")
    stems = [{name[6:9] for name in names(dataset, part)} for part in ("training", "validation")]
    assert not stems[0] & stems[1]
    assert dataset.counts == {
        "same picture as a validation or test line of another folder": 55
        - sum(len(names(dataset, part)) for part in ("training", "validation"))
    }
    assert 1 <= sum(dataset.counts.values()) <= 2


def test_every_source_without_validation_lines_gives_some(folder: Path, tmp_path: Path) -> None:
    for number, (image, text) in enumerate(digits(50, seed=7)):
        save(tmp_path / "other", f"{number:03d}", image, text)
    both = prepare(DataSpec(training=f"{folder};{tmp_path / 'other'}"), tmp_path / "cache")
    from_pages = [name for name in names(both, "validation") if name.startswith("page")]
    assert 20 <= len(from_pages) <= 26 and len(both.validation) - len(from_pages) == 10
    brought = prepare(DataSpec(training=f"digits;{tmp_path / 'other'}"), tmp_path / "cache")
    assert len(brought.validation) == 500 + 10 and len(brought.training) == 2000 + 40


def test_validation_lines_that_train_as_well_are_named(folder: Path, tmp_path: Path) -> None:
    dataset = prepare(DataSpec(training=str(folder), validation=str(folder)), tmp_path / "cache")
    assert dataset.notes == ("132 of 132 validation lines are training lines as well, which makes accuracy look too good",)


def test_a_list_with_backslashes_has_folders_too(tmp_path: Path) -> None:
    rows = []
    for number, (image, text) in enumerate(digits(30)):
        page = tmp_path / "pages" / f"p{number % 3}"
        page.mkdir(parents=True, exist_ok=True)
        image.save(page / f"{number}.png")
        rows.append(f"{page.name}\\{number}.png\t{text}\n")
    (tmp_path / "pages" / "labels.txt").write_text("".join(rows), encoding="utf-8")
    dataset = prepare(DataSpec(training=f"paddle:{tmp_path / 'pages' / 'labels.txt'}", group="folder"), tmp_path / "cache")
    assert len({dataset.validation.name(i)[:2] for i in range(len(dataset.validation))}) == 1


def test_how_many_lines_measure() -> None:
    assert [validation_count(n) for n in (2, 30, 300, 999, 1000, 1500, 2000, 4000, 100_000)] == [
        1, 6, 60, 200, 200, 200, 200, 400, 4000
    ]  # fmt: skip
    assert [count_of_test_lines(n) for n in (300, 1999, 2000, 3600, 90_000)] == [0, 0, 200, 360, 2000]


def test_test_lines_are_set_aside_where_there_are_many(tmp_path: Path) -> None:
    for number, (image, text) in enumerate((*digits(2000), *digits(300, seed=1))):
        save(tmp_path / "lines", f"{number:04d}", image, text)
    dataset = prepare(DataSpec(training=str(tmp_path / "lines"), test="auto"), tmp_path / "cache")
    assert (len(dataset.training), len(dataset.validation), len(names(dataset, "set_aside"))) == (1863, 230, 207)
    without = prepare(DataSpec(training=str(tmp_path / "lines")), tmp_path / "cache")
    assert len(without.training) == 2070 and without.set_aside is None and without.validation.texts == dataset.validation.texts
    tests = open_held_out(dataset, tmp_path / "cache")
    assert tests is not None and len(tests.lines) == 207 and tests.origin == f"207 lines set aside of {tmp_path / 'lines'}"


def test_test_lines_of_a_source_are_opened_only_when_asked_for(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    dataset = prepare(DataSpec(training="digits", test="auto"), cache)
    entries = [p for p in (cache / "data").iterdir() if p.is_dir()]
    assert dataset.test_source == "digits:test" and len(entries) == 2
    tests = open_held_out(dataset, cache)
    assert tests is not None and (len(tests.lines), tests.origin) == (400, "400 lines of digits:test")
    assert len([p for p in (cache / "data").iterdir() if p.is_dir()]) == 3
    assert open_held_out(prepare(DataSpec(training="digits"), cache), cache) is None


@pytest.mark.slow
@pytest.mark.parametrize(("lines", "labels", "least"), [(4000, 1, 0.9), (100_000, 100, 0.95), (100_000, 10_000, 0.99)])
def test_many_lines_are_compared_in_seconds(lines: int, labels: int, least: float) -> None:
    rng = np.random.default_rng(0)
    tiny = rng.integers(0, 256, (lines, 192), dtype=np.uint8)
    label_of = rng.integers(0, labels, lines)
    copies = lines // 10
    origins = rng.choice(lines - copies, copies, replace=False)
    tiny[-copies:] = np.clip(tiny[origins] + rng.normal(0, 25, (copies, 192)), 0, 255).astype(np.uint8)
    label_of[-copies:] = label_of[origins]
    began = time.process_time()
    pictures = same_pictures(rng.integers(0, 2**63, lines).astype(np.uint64), tiny, [f"text {label}" for label in label_of])
    assert time.process_time() - began < 30
    assert np.mean(pictures[-copies:] == pictures[origins]) >= least
    assert np.bincount(pictures).max() <= 3


def test_validation_lines_that_are_not_there_are_refused_before_any_training_line_is_decoded(tmp_path: Path) -> None:
    for number, (image, text) in enumerate(digits(3)):
        save(tmp_path / "lines", str(number), image, text)
    decoded: list[int] = []
    spec = DataSpec(training=str(tmp_path / "lines"), validation=str(tmp_path / "nothere"))
    with pytest.raises(UserError, match="nothere"):
        prepare(spec, tmp_path / "cache", lambda done, _: decoded.append(done))
    assert not decoded


def test_a_training_source_that_gives_the_test_lines_too_is_said(folder: Path, tmp_path: Path) -> None:
    for test in (str(folder), f"{folder}/../{folder.name}"):
        dataset = prepare(DataSpec(training=str(folder), test=test), tmp_path / "cache")
        assert f"{test} gives the test lines and trains as well, which makes accuracy look too good" in dataset.notes
