"""Draws the lines that the starter weights are trained on, in parts of 20,000; a part that is complete is not drawn again.

    python -m benchmarks.starter.lines --out OUT --labels LABELS.tsv [--count 300000] [--first 0] [--fonts FOLDER]

OUT/lines       training lines with one label file for all of them
OUT/validation  2,000 lines of other texts, in the same fonts

The word lists are those of Debian's packages wamerican, wfrench, wngerman, wspanish, witalian, wportuguese, wswedish, wpolish
and wukrainian; the fonts those of fonts-dejavu, fonts-liberation, fonts-roboto, fonts-noto-core, fonts-noto-cjk,
fonts-wqy-zenhei, fonts-wqy-microhei and fonts-lxgw-wenkai, or any others.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.starter.texts import Corpus
from trainers.base.atomic_write import atomic_write
from trainers.data.render.fonts import Face
from trainers.data.render.letter_fonts import find_letter_faces
from trainers.data.render.plan import drawable, plan_lines
from trainers.data.render.write import LABELS, write_lines

PART = 20_000
"""Lines of a part: some minutes of two cores."""
VALIDATION = 2_000
TEXTS_PER_LINE = 1.5
"""Texts that are made for each line; those with rare characters are drawn more often."""
VALIDATION_SEED = 1_000_000


def draw_part(corpus: Corpus, faces: Sequence[Face], count: int, seed: int, folder: Path) -> None:
    """Draws lines into a folder, unless it is there; an incomplete one is drawn again.

    Args:
        corpus: what texts are drawn from.
        faces: fonts.
        count: lines to plan; some may have a text that no font draws.
        seed: of texts and images.
        folder: where to.
    """
    if folder.exists():
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    texts = list(itertools.islice(corpus.texts(seed), round(TEXTS_PER_LINE * count)))
    write_lines(plan_lines(drawable(texts, faces).usable, faces, count, seed), unfinished)
    unfinished.rename(folder)


def label_rows(parts: Sequence[Path], root: Path) -> Iterator[str]:
    """Rows of one label file for several parts."""
    for part in parts:
        for row in (part / LABELS).read_text("utf-8").splitlines():
            yield f"{part.relative_to(root)}/{row}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--labels", type=Path, help="Chinese labels; without them there is no Chinese")
    parser.add_argument("--dictionaries", type=Path, default=Path("/usr/share/dict"))
    parser.add_argument("--fonts", type=Path, action="append", help="instead of the fonts of the system")
    parser.add_argument("--count", type=int, default=300_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first part; others draw lines of other seeds")
    asked = parser.parse_args()
    corpus, faces = Corpus.read(asked.dictionaries, asked.labels), find_letter_faces(asked.fonts).kept
    asked.out.mkdir(parents=True, exist_ok=True)
    with atomic_write(asked.out / "charset.txt") as file:
        file.write_text("".join(f"{character}\n" for character in corpus.charset), encoding="utf-8")
    print(f"{len(corpus.charset)} characters, {len(faces)} faces", flush=True)
    draw_part(corpus, faces, VALIDATION, VALIDATION_SEED, asked.out / "validation")
    lines = asked.out / "lines"
    lines.mkdir(exist_ok=True)
    seeds = range(asked.first, asked.first - (-asked.count // PART))
    parts = [lines / f"{seed:03d}" for seed in seeds]
    for number, (seed, part) in enumerate(zip(seeds, parts, strict=True), start=1):
        draw_part(corpus, faces, PART, seed, part)
        print(f"{time.strftime('%H:%M')} part {number} of {len(parts)}", flush=True)
    with atomic_write(lines / LABELS) as file:
        file.write_text("".join(f"{row}\n" for row in label_rows(parts, lines)), encoding="utf-8")


if __name__ == "__main__":
    main()
