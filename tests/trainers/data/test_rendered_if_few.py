"""`rendered = "auto"`: with few training lines, lines are drawn from their labels if the installed fonts can draw them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainers.base.errors import UserError
from trainers.data import dataset, rendered
from trainers.data.dataset import prepare
from trainers.data.render import fonts
from trainers.data.spec import DataSpec

DIGITS = "0123456789"
"""In every label, so that the training lines have all characters of the validation lines, whichever these are."""


@pytest.fixture(autouse=True)
def _few_lines_in_a_font_that_is_always_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendered, "DRAWN_LINES", 12)
    monkeypatch.setattr(fonts, "SYSTEM_FOLDERS", [str(Path(fonts.bundled_faces()[0].path).parent)])


def lines_of(folder: Path, texts: Sequence[str]) -> str:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number, text in enumerate(texts):
        Image.fromarray(rng.integers(0, 256, (32, 160), dtype=np.uint8)).save(folder / f"{number:03d}.png")
        (folder / f"{number:03d}.gt.txt").write_text(text, encoding="utf-8")
    return str(folder)


def test_lines_are_drawn_from_training_labels_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn_from: list[list[str]] = []
    real = dataset.rendered_source

    def spy(asked: Any, texts: Sequence[str], *rest: Any) -> Any:
        drawn_from.append(list(texts))
        return real(asked, texts, *rest)

    monkeypatch.setattr(dataset, "rendered_source", spy)
    spec = DataSpec(training=lines_of(tmp_path / "lines", [f"line {n:03d} {DIGITS}" for n in range(30)]), rendered="auto")
    found = prepare(spec, tmp_path / "cache")
    assert (len(found.training), len(found.validation)) == (24 + 12, 6)
    assert (found.own_lines, found.rendered_lines) == (24, 12)
    assert len(drawn_from[0]) == 24 and not set(drawn_from[0]) & set(found.validation.texts)
    assert found.notes == (
        "24 training lines are few: 12 lines are drawn from their labels and train as well "
        "(rendered = false in [data] turns this off)",
    )
    again = prepare(found.spec, tmp_path / "cache")
    assert again.digest == found.digest and found.spec.rendered == rendered.Rendered(count=12)


def test_labels_that_no_font_has_are_not_drawn(tmp_path: Path) -> None:
    spec = DataSpec(training=lines_of(tmp_path / "lines", [f"\u0378{n:03d} {DIGITS}" for n in range(30)]), rendered="auto")
    found = prepare(spec, tmp_path / "cache")
    assert (len(found.training), found.spec.rendered) == (24, None)
    assert found.notes[0].startswith(
        "24 training lines are few, and none are drawn from their labels: the fonts of this machine lack \u0378"
    )


def test_some_labels_that_no_font_has_are_too_many(tmp_path: Path) -> None:
    texts = [("\u0378" if n % 2 else "") + f"{n:03d} {DIGITS}" for n in range(30)]
    found = prepare(DataSpec(training=lines_of(tmp_path / "lines", texts), rendered="auto"), tmp_path / "cache")
    assert found.spec.rendered is None and found.notes[0].endswith("the fonts of this machine lack \u0378")


def test_labels_whose_letters_join_are_not_drawn(tmp_path: Path) -> None:
    """The font has all their characters."""
    source = lines_of(tmp_path / "lines", [f"سلام {n:03d} {DIGITS}" for n in range(30)])
    found = prepare(DataSpec(training=source, rendered="auto"), tmp_path / "cache")
    assert (len(found.training), found.spec.rendered) == (24, None)
    assert found.notes[0] == (
        "24 training lines are few, and none are drawn from their labels: letters that join, stack, change places or run from "
        "right to left are not drawn (ا س ل م)"
    )
    with pytest.raises(UserError, match="no text can be drawn: letters that join"):
        prepare(DataSpec(training=source, rendered=rendered.Rendered(count=5)), tmp_path / "cache")


def test_nothing_is_drawn_where_it_is_not_asked_for_or_lines_are_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = lines_of(tmp_path / "lines", [f"line {n:03d} {DIGITS}" for n in range(30)])
    off = prepare(DataSpec(training=source), tmp_path / "cache")
    assert len(off.training) == 24 and off.notes == ()
    monkeypatch.setattr(rendered, "FEW_LINES", 24)
    many = prepare(DataSpec(training=source, rendered="auto", training_lines=10), tmp_path / "cache")
    assert len(many.training) == 10 and many.notes == ()
