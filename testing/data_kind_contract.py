"""Tests that every kind of data source must pass: inherit `DataKindContract`, and write lines in the format of the kind.

class TestJsonLines(DataKindContract):
    kind = JsonLinesKind

    def write(self, folder: Path, texts: list[str]) -> Path: ...
"""

from __future__ import annotations

import pickle
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import pytest
from PIL import Image

from trainers.base.errors import UserError
from trainers.data.source import DataKind, Source

DIFFICULT_TEXTS = ["plain", "zwei Wörter", "汉字，國", 'a, b; "c"', "😀👍🏽", "שלום עולם", "it's", "ﬁ Ａ１", "e\u0301", "#"]
"""Labels with commas, quotes, emoji, right-to-left text, compatibility and combining forms: all must come back as written."""


def write_image(path: Path, number: int) -> None:
    """Writes an image 20 px high and 40 + `number` px wide, so that its width identifies it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (40 + number, 20), 10 * number).save(path)


class DataKindContract:
    """Override `kind` and `write`."""

    kind: ClassVar[type[DataKind]]

    @abstractmethod
    def write(self, folder: Path, texts: list[str]) -> Path:
        """Writes line `n` with label `texts[n]` and the image of `write_image(..., n)`.

        Args:
            folder: to write into; it does not exist yet.
            texts: labels, in order.

        Returns:
            The path that a user would pass to `--data`: the folder, or a file in it.
        """

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """The path of ten difficult lines."""
        return self.write(tmp_path / "lines", DIFFICULT_TEXTS)

    def opened(self, path: Path) -> Source:
        return self.kind().open(path, None)

    def test_it_is_known_by_its_looks(self, path: Path, tmp_path: Path) -> None:
        assert self.kind().looks_like(path)
        (tmp_path / "empty").mkdir()
        assert not self.kind().looks_like(tmp_path / "empty")

    def test_every_label_comes_back_with_its_image(self, path: Path) -> None:
        found = self.opened(path).read()
        assert sorted((line.text, line.load().size) for line in found.lines) == sorted(
            (text, (40 + number, 20)) for number, text in enumerate(DIFFICULT_TEXTS)
        )
        assert found.skipped == []

    def test_names_are_distinct_and_the_order_is_the_same_each_time(self, path: Path) -> None:
        names = [line.name for line in self.opened(path).read().lines]
        assert len(set(names)) == len(names) and names == [line.name for line in self.opened(path).read().lines]

    def test_lines_travel_to_other_processes(self, path: Path) -> None:
        for line in self.opened(path).read().lines:
            assert pickle.loads(pickle.dumps(line.load))().size == line.load().size

    def test_the_fingerprint_changes_with_the_content_alone(self, path: Path, tmp_path: Path) -> None:
        assert self.opened(path).fingerprint() == self.opened(path).fingerprint()
        other = self.write(tmp_path / "other", [*DIFFICULT_TEXTS, "one more"])
        assert self.opened(other).fingerprint() != self.opened(path).fingerprint()

    def test_a_place_without_a_line_is_refused_in_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(UserError) as refused:
            self.opened(tmp_path / "empty").read()
        assert "\n" not in str(refused.value)
