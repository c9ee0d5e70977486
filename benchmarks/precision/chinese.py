"""Draws rendered Chinese lines for `benchmarks.precision.finish`: training and validation lines of different labels.

    python -m benchmarks.precision.chinese --labels LABELS.tsv --characters 1000 --out OUT
        [--training 13000] [--validation 1000]

OUT/training, OUT/validation  lines in the fonts of the system, in the style `print`
OUT/charset.txt               the characters, one in each row

A label is drawn if it has 1 to 8 characters and consists of the most frequent Chinese characters of all labels. The labels that
validate are others than those that train. Lines with rare characters are drawn more often than their labels occur.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from trainers.data.render.fonts import find_faces
from trainers.data.render.plan import drawable, plan_lines, read_texts
from trainers.data.render.write import write_lines

LONGEST = 8
"""Characters of a label at most: a longer line takes more time and shows nothing else."""
STYLE = "print"
SEED = 0


def split_labels(texts: Iterable[str], characters: int, validation: int) -> tuple[list[str], list[str], list[str]]:
    """Labels of the most frequent characters.

    Args:
        texts: labels, in the order of the file.
        characters: Chinese characters at most.
        validation: labels that are set aside to validate.

    Returns:
        Labels to train on, labels to validate, and the characters of both in the order of their frequency. Labels with a
        character that no other label has are trained on.
    """
    labels = [text for text in dict.fromkeys(texts) if len(text) <= LONGEST]
    counts = Counter(character for text in labels for character in text if "\u4e00" <= character <= "\u9fff")
    known = {character for character, _ in counts.most_common(characters)}
    kept = [text for text in labels if all(c in known for c in text)]
    left = Counter(character for text in kept for character in set(text))
    training, aside = [], []
    every = max(2, len(kept) // (2 * validation))
    for number, text in enumerate(kept):
        if number % every == 0 and len(aside) < validation and min(left[character] for character in set(text)) > 1:
            aside.append(text)
            left.subtract(set(text))
        else:
            training.append(text)
    used = Counter(character for text in kept for character in text)
    return training, aside, [character for character, _ in used.most_common()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", required=True, help="a file with one file name, tab and label in each row")
    parser.add_argument("--characters", type=int, required=True, help="Chinese characters at most")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--training", type=int, default=13_000, help="lines (13000)")
    parser.add_argument("--validation", type=int, default=1000, help="lines (1000)")
    given = parser.parse_args()
    faces = find_faces(None)
    texts = drawable(read_texts(given.labels), faces).usable
    training, validation, charset = split_labels(texts, given.characters, given.validation)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "charset.txt").write_text("".join(f"{character}\n" for character in charset), encoding="utf-8")
    for seed, (part, labels, count) in enumerate(
        (("training", training, given.training), ("validation", validation, given.validation))
    ):
        planned = plan_lines(labels, faces, count, SEED + seed, STYLE)
        written = write_lines(planned, given.out / part)
        print(f"{part}: {written.lines} lines of {len(labels)} labels, {len(charset)} characters", flush=True)


if __name__ == "__main__":
    main()
