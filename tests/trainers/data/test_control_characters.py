"""Control characters, which no model file may hold: in labels and charsets they are dealt with before any training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dashboards.cli.predict_command import _beside
from testing.bad_input import write_images
from trainers.base.errors import UserError
from trainers.data.cache import open_entry
from trainers.data.charset import Charset
from trainers.data.checks.check import check
from trainers.data.checks.fix import write_fixed
from trainers.data.dataset import prepare
from trainers.data.opener import LineOpener
from trainers.data.source_registry import find_source
from trainers.data.spec import DataSpec

LABELS = ("ab cd", "ab\tcd", "don\u0092t", "bel\x07", "es\x1b[31m", " a\x85", "\tb", "cab")
"""A row cannot hold a line end; U+0085 at the end of a label is white space."""
TRAINED = ["ab cd", "ab cd", "a", "b", "cab"]
LEFT_OUT = {f"label holds a control character ({name})": 1 for name in ("U+0092", "U+0007", "U+001B")}


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    folder = tmp_path / "lines"
    names = [f"{number}.png" for number in range(len(LABELS))]
    write_images(folder, names)
    rows = [f"{name}\t{label}\n" for name, label in zip(names, LABELS, strict=True)]
    (folder / "train.txt").write_text("".join(rows), encoding="utf-8", newline="\n")
    return folder


def test_tabs_become_spaces_and_lines_with_other_control_characters_are_left_out(labelled: Path, tmp_path: Path) -> None:
    source = str(labelled)
    prepared = prepare(DataSpec(training=source, validation=source, test=source), tmp_path / "cache")
    assert prepared.training.texts == prepared.validation.texts == TRAINED
    assert prepared.charset.symbols == (" ", "a", "b", "c", "d")
    assert prepared.counts == {reason: 2 * count for reason, count in LEFT_OUT.items()}, "of training and validation lines"
    assert LineOpener(prepared.spec, tmp_path / "cache").open([source]).texts == TRAINED, "as test lines are opened"


def test_a_normaliser_may_remove_them_and_cached_labels_are_those_of_the_source(labelled: Path, tmp_path: Path) -> None:
    source = str(labelled)
    assert open_entry(find_source(source), source, 32, tmp_path / "cache").texts[:3] == list(LABELS[:3])
    spec = DataSpec(training=source, validation=source, normaliser="english_36")
    prepared = prepare(spec, tmp_path / "cache")
    assert prepared.training.texts == ["abcd", "abcd", "dont", "bel", "es31m", "a", "b", "cab"] and not prepared.skipped


def test_the_check_says_what_training_does_and_leaves_a_set_that_it_can_use(labelled: Path, tmp_path: Path) -> None:
    report = check(str(labelled), processes=1)
    found = {finding.kind: finding for finding in report.findings}
    assert [report.lines[i].text for i in found["control_character"].lines] == list(LABELS[2:5])
    assert found["control_character"].details[0] == r"U+0092 in 'don\x92t'" and report.facts["usable"] == len(TRAINED)
    assert [report.lines[i].text for i in found["invisible"].lines] == ["ab\tcd"]
    fixed = str(write_fixed(report, tmp_path / "fixed").labels)
    assert prepare(DataSpec(training=fixed, validation=fixed), tmp_path / "cache").training.texts == TRAINED


@pytest.mark.parametrize("symbol", ["\t", "\u0092", "\x1b"])
def test_a_charset_with_one_is_refused_before_any_line_is_decoded(symbol: str, tmp_path: Path) -> None:
    file, number = tmp_path / "charset.txt", f"U+{ord(symbol):04X}"
    file.write_text(f"a\n{symbol}\nb\n", encoding="utf-8")
    with pytest.raises(UserError) as of_file:
        Charset.from_file(file)
    assert f"charset.txt: symbol 2 is {number}, a control character" in str(of_file.value) and "\n" not in str(of_file.value)
    with pytest.raises(UserError) as of_more:
        DataSpec(training="digits", more_symbols=f"ab{symbol}")
    assert f"the charset has {number}, a control character" in str(of_more.value) and "\n" not in str(of_more.value)


def test_a_truth_with_a_tab_is_read_by_a_model_that_writes_a_space() -> None:
    reader: Any = SimpleNamespace(metadata=SimpleNamespace(normaliser="none"))
    assert _beside("ab\tcd", "ab cd", reader)["right"]
