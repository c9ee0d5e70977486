"""Readings go through the normaliser of the labels before they are compared, wherever a file is measured."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from testing.noise_lines import NoiseLines
from testing.tiny_model import tiny_model
from trainers.data.arrays import LineArrays
from trainers.data.normalisers import normalise
from trainers.data.opener import LineOpener
from trainers.data.spec import DataSpec
from trainers.evaluation import measure as measuring
from trainers.evaluation.file_test import test_file as read_source
from trainers.evaluation.measure import are_right, measure, read_all, score_file
from trainers.evaluation.mistakes import worst_mistakes
from trainers.inference.reader import Reader
from trainers.trial.recoding import right

COUNT = 3
WIDE = tuple("０１２３４５６７８９")
"""Full-width digits, which the normaliser makes ASCII digits."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model") / "wide.onnx", normaliser="contest_zh", charset=WIDE)


@pytest.fixture
def source(model: Path, tmp_path: Path) -> Path:
    """Lines whose labels are what the model reads, in ASCII digits."""
    noise, folder = NoiseLines([""] * COUNT), tmp_path / "lines"
    folder.mkdir()
    for i, text in enumerate(read_all(Reader(model), noise)):
        label = normalise("contest_zh", text)
        assert label and label != text
        Image.fromarray(noise.image(i)).save(folder / f"{i}.png")
        (folder / f"{i}.gt.txt").write_text(label, encoding="utf-8")
    return folder


def opened(source: Path, normaliser: str, cache: Path) -> LineArrays:
    return LineOpener(DataSpec(training=str(source), height_px=32, normaliser=normaliser), cache).open([str(source)])


def test_what_a_file_reads_is_right_whichever_way_it_is_counted(model: Path, source: Path, tmp_path: Path) -> None:
    lines = opened(source, "contest_zh", tmp_path)
    found = measure(model, lines, parameters=7)
    assert (found.accuracy, found.cer) == (1, 0)
    assert found.right_lines is not None and found.right_lines.unpacked() == [True] * COUNT
    assert score_file(model, lines).right == COUNT
    assert right(model, lines) == [True] * COUNT
    assert worst_mistakes(model, lines, COUNT) == []
    report = read_source(model, str(source), tmp_path)
    assert (report.score.right, report.score.edits, report.confusions, report.mistakes) == (COUNT, 0, [], [])


def test_a_mistake_shows_what_was_compared(model: Path, source: Path, tmp_path: Path) -> None:
    label = (source / "0.gt.txt").read_text(encoding="utf-8")
    (source / "0.gt.txt").write_text(label + "x", encoding="utf-8")
    (mistake,) = worst_mistakes(model, opened(source, "contest_zh", tmp_path), COUNT)
    assert (mistake.truth, mistake.reading, mistake.edits) == (label + "x", label, 1)


def test_without_a_normaliser_texts_are_compared_as_they_are(model: Path, source: Path, tmp_path: Path) -> None:
    assert score_file(model, opened(source, "none", tmp_path)).right == 0


def test_all_views_of_lines_know_the_normaliser(source: Path, tmp_path: Path) -> None:
    """A composed letter and a letter with a combining accent are equal in each of them."""
    lines = opened(source, "nfc", tmp_path).select([0], texts=["caf\u00e9"])
    for view in (lines, lines.joined(lines), lines.weighted([1.0]), lines.select(np.array([0]))):
        assert are_right(view, ["cafe\u0301"] * len(view)) == [True] * len(view)


def test_many_lines_are_read_in_pieces(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that memory does not grow with the lines."""
    monkeypatch.setattr(measuring, "LINES_IN_MEMORY", 2)
    reader, pieces = Reader(model), list[int]()
    genuine = reader.texts
    monkeypatch.setattr(reader, "texts", lambda images: pieces.append(len(images)) or genuine(images))
    lines = NoiseLines([""] * 5)
    assert read_all(reader, lines) == genuine([lines.image(i) for i in range(5)]) and pieces == [2, 2, 1]
