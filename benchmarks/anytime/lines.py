"""The four data sets of this benchmark: training, validation and test lines, made once and kept.

digits   500 lines of handwritten digits, the built-in data
codes    600 photographs of codes, drawn by `benchmarks.small_data.codes`
fraktur  500 short lines of old print: the shortest of a folder, and test lines of another folder
chinese  600 rendered shop signs, of labels whose characters are among the 80 most frequent ones
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.small_data.codes import write_codes
from search_space import Architecture
from trainers.data.dataset import LineDataset, prepare
from trainers.data.spec import DataSpec

FREQUENT = 80
"""Characters of the Chinese labels: so many that each occurs in at least a dozen of the training lines."""


@dataclass(frozen=True)
class Problem:
    """One data set and the recogniser that is trained on it.

    Attributes:
        training, validation, test: lines of each part.
        architecture: small enough for an epoch in one or two seconds of a core.
    """

    training: int
    validation: int
    test: int
    architecture: Architecture


PROBLEMS = {
    "digits": Problem(500, 200, 500, Architecture(width_percent=25, encoder_hidden=48, encoder_layers=1)),
    "codes": Problem(600, 200, 500, Architecture(width_percent=25, attention="eca", encoder_hidden=48, encoder_layers=1)),
    "fraktur": Problem(500, 150, 300, Architecture(width_percent=25, encoder_hidden=48, encoder_layers=1)),
    "chinese": Problem(600, 200, 400, Architecture(width_percent=25, encoder_hidden=48, encoder_layers=1)),
}
"""By name. The widths differ, and with them how fast a training learns."""


def open_problem(name: str, out: Path, fraktur: Path | None, labels: Path | None) -> tuple[LineDataset, LineDataset]:
    """Lines to train on and choose by, and the same with the test lines in place of the validation lines.

    Args:
        name: one of `PROBLEMS`.
        out: where lines and caches are kept.
        fraktur: folder with `training` and `testing`, for `fraktur`.
        labels: file of labels, for `chinese`.
    """
    folder, problem = out / "lines" / name, PROBLEMS[name]
    if not (folder / "complete").exists():
        _write(name, problem, folder, fraktur, labels)
        (folder / "complete").touch()
    height = problem.architecture.height_px
    training, cache = str(folder / "training"), out / "cache"
    parts = [
        prepare(DataSpec(training=training, validation=str(folder / part), height_px=height), cache)
        for part in ("validation", "test")
    ]
    return parts[0], parts[1]


def _write(name: str, problem: Problem, folder: Path, fraktur: Path | None, labels: Path | None) -> None:
    counts = {"training": problem.training, "validation": problem.validation, "test": problem.test}
    if name == "codes":
        for seed, (part, count) in enumerate(counts.items()):
            write_codes(folder / part, count, seed * 1_000_000)
    elif name == "digits":
        from trainers.data.digits import DigitLine, Split

        splits: dict[str, Split] = {"training": "training", "validation": "validation", "test": "unseen"}
        for part, count in counts.items():
            made = (DigitLine(0, splits[part], number) for number in range(count))
            _write_pairs(folder / part, ((line(), line.text) for line in made))
    elif name == "fraktur":
        if fraktur is None:
            raise SystemExit("fraktur needs --fraktur: the folder that holds its training and testing lines")
        found = _shortest(fraktur / "training", problem.training + problem.validation)
        tested = _shortest(fraktur / "testing", problem.test)
        _link(found[: problem.training], folder / "training")
        _link(found[problem.training : problem.training + problem.validation], folder / "validation")
        _link(tested[: problem.test], folder / "test")
    else:
        if labels is None:
            raise SystemExit("chinese needs --labels: a file with one file name, tab and label a line")
        _write_pairs_of(folder, counts, _render(labels, sum(counts.values())))


def _write_pairs_of(folder: Path, counts: dict[str, int], pairs: list[tuple[Image.Image, str]]) -> None:
    for part, count in counts.items():
        _write_pairs(folder / part, pairs[:count])
        del pairs[:count]


def _write_pairs(folder: Path, pairs: Iterable[tuple[Image.Image, str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, (image, text) in enumerate(pairs):
        image.save(folder / f"{number:05}.png")
        (folder / f"{number:05}.gt.txt").write_text(text + "\n", encoding="utf-8")


def _shortest(folder: Path, count: int) -> list[Path]:
    """The label files with the shortest labels, in the order of their names: long lines would take most of the time."""
    files = sorted(folder.glob("*.gt.txt"))
    by_length = sorted(files, key=lambda file: len(file.read_text(encoding="utf-8").strip()))
    return sorted(by_length[:count])


def _link(label_files: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for label in label_files:
        for file in label.parent.glob(f"{label.name.removesuffix('.gt.txt')}.*"):
            (folder / file.name).symlink_to(file.resolve())


def _render(labels: Path, count: int) -> list[tuple[Image.Image, str]]:
    from trainers.data.render.fonts import find_faces
    from trainers.data.render.plan import drawable, plan_lines

    texts = [line.rpartition("\t")[2].strip() for line in labels.read_text(encoding="utf-8").splitlines()]
    han = Counter(c for text in texts for c in text if "\u4e00" <= c <= "\u9fff")
    frequent = {c for c, _ in han.most_common(FREQUENT)}
    short = list(dict.fromkeys(text for text in texts if 2 <= len(text) <= 8 and set(text) <= frequent))
    faces = find_faces(None)
    planned = plan_lines(drawable(short, faces).usable, faces, count, 0)
    return [(line(), line.text) for line in planned]
