"""Everything is measured from the file, and the file must read what the network reads."""

import copy
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from search_space.recognizer import Recognizer, build_recognizer
from testing.noise_lines import NoiseLines
from testing.random_weights import randomize_vectors
from testing.small_model import SMALL, SYMBOLS, small_model_metadata
from trainers.base.errors import TrainingFault
from trainers.evaluation.measure import measure, read_all, score_file
from trainers.evaluation.validation import read, validate
from trainers.export import parity
from trainers.export.onnx_file import export
from trainers.export.parity import check_same_text
from trainers.inference.reader import Reader


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    torch.manual_seed(3)
    built = build_recognizer(SMALL, len(SYMBOLS))
    randomize_vectors(built, seed=3)
    with torch.no_grad():
        for parameter in built.head.parameters():
            parameter.mul_(20)  # so that an untrained network spells something
    return built


@pytest.fixture(scope="module")
def model(recognizer: Recognizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(recognizer, tmp_path_factory.mktemp("models") / "small.onnx", small_model_metadata())


def test_accuracy_and_cer_are_those_of_the_readings(model: Path) -> None:
    lines = NoiseLines([""] * 6)
    lines.texts = [reading.text for reading in Reader(model).read([lines.image(i) for i in range(6)])]
    lines.texts[0] += "xy"
    characters = sum(map(len, lines.texts))
    found = measure(model, lines, parameters=7)
    assert (found.accuracy, found.cer) == (5 / 6, 2 / characters)
    assert (found.size_bytes, found.parameters, found.lines) == (model.stat().st_size, 7, 6)
    assert found.latency_ms > 0 and found.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    scored = score_file(model, lines)
    assert (scored.accuracy, scored.cer, scored.lines) == (5 / 6, 2 / characters, 6)
    assert found.right_lines is not None and found.right_lines.unpacked() == [False, *[True] * 5]
    again = measure(model, lines, parameters=7).right_lines
    assert again == found.right_lines, "the same lines and labels have the same digest"
    lines.texts[5] += "x"
    other = measure(model, lines, parameters=7).right_lines
    assert other is not None and other.differences(found.right_lines) is None


def test_a_network_is_validated_after_the_normaliser_of_the_labels(recognizer: Recognizer) -> None:
    lines, letters = NoiseLines([""] * 6, normaliser="lower"), "ABCDEFGHI"
    texts = dict(read(recognizer, lines, letters, range(6)))
    lines.texts = [texts[i].lower() for i in range(6)]
    found = validate(recognizer, lines, letters)
    assert (found.right, found.edits) == (6, 0) and found.characters > 0
    lines.normaliser = "none"
    assert validate(recognizer, lines, letters).edits == found.characters


def test_a_file_reads_what_its_network_reads(recognizer: Recognizer, model: Path) -> None:
    lines, reader = NoiseLines([""] * 6), Reader(model)
    check_same_text(recognizer, reader, lines, read_all(reader, lines))


def test_a_tie_at_one_step_hides_no_fault_at_another(model: Path) -> None:
    """The steps of a CTC head do not depend on each other."""
    expected = np.zeros((6, len(SYMBOLS) + 1), dtype=np.float32)
    expected[range(6), [1, 0, 2, 0, 3, 0]] = 5.0
    expected[0, 4] = 5.0 + 1e-4
    found = expected.copy()
    found[0, 1] += 2e-4  # a tie decided otherwise
    parity._compare(0, expected, found, Reader(model))
    found[4, 7] = 9.0
    with pytest.raises(TrainingFault, match="step 5 differs by 5"):
        parity._compare(0, expected, found, Reader(model))


def test_the_first_line_read_otherwise_is_shown(recognizer: Recognizer, model: Path) -> None:
    """Every line is compared: one that differs at the very end is found, and of several the first is shown."""
    lines, reader = NoiseLines([""] * 6), Reader(model)
    other = copy.deepcopy(recognizer)
    with torch.no_grad():
        for parameter in other.head.parameters():
            parameter.neg_()
    theirs, ours = read_all(reader, lines), dict(read(other, lines, SYMBOLS, range(6)))
    assert all(theirs[i] != ours[i] for i in range(6))
    for first in (0, 5):
        readings = [ours[i] if i < first else theirs[i] for i in range(6)]
        shown = f"validation line {first + 1}: the network reads '{ours[first]}' and its file reads '{theirs[first]}'"
        with pytest.raises(TrainingFault, match=re.escape(shown)) as caught:
            check_same_text(other, reader, lines, readings)
        assert caught.value.kind == "export"
