"""Plans rendered lines: chooses the text and the faces of each line before anything is drawn, from (seed, number) alone.

Decisions:
- A text is drawn only in faces that have all its characters. Texts for which there is no such face are left out and counted, as
  are texts that each face would draw wrongly, because their script needs shaping (`shaping`).
- A font file is chosen first and then one of its faces, so that a collection of ten faces has no more weight than one font.
- Texts with rare characters are chosen more often (weight: mean of 1 / sqrt(occurrences) over the characters).
- A recombined text is the beginning of one label and the end of another: a new text in the characters of the labels. It is not
  cut between a letter and its combining marks.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from trainers.base.errors import UserError
from trainers.base.images import decode_image
from trainers.data.kinds import data_kinds
from trainers.data.normalisers import normalise
from trainers.data.render.fonts import Face, characters
from trainers.data.render.lettering import NoInk
from trainers.data.render.line import StyleChoice, render_line
from trainers.data.render.shaping import needs_shaping, why_not_drawn, with_marks
from trainers.data.source import is_image_name
from trainers.data.source_registry import open_source
from trainers.data.text_rows import read_rows

REVISION = 3
"""Part of the fingerprint. Increase it when a change makes the same seed render other lines, so that caches are built again."""
FACES_TO_TRY = 4
"""Faces planned for a line, so that the next one can be tried when a face draws nothing."""


@dataclass(frozen=True)
class RenderedLine:
    """A planned line; calling it renders the image.

    Attributes:
        text: the label.
        faces: faces to draw it in; the first one that leaves ink is used.
        seed, number: seed of the plan and number of the line, which determine everything else.
        style: `mixed`, `scene`, `web` or `print`.
        photos: folder of photographs used as backgrounds, or None.
    """

    text: str
    faces: tuple[Face, ...]
    seed: int
    number: int
    style: StyleChoice
    photos: str | None

    def encoded(self) -> bytes:
        """Renders the line. Returns the bytes of a JPEG or PNG file.

        Raises:
            UserError: no face left ink.
        """
        for face in self.faces:
            rng = np.random.default_rng([self.seed, self.number, 1])
            try:
                return render_line(self.text, face, rng, self.style, self.photos)
            except NoInk:
                continue
            except OSError as error:
                if error.errno is not None:
                    raise  # the disk
                continue  # FreeType, on a damaged font
        raise UserError("no font draws this text")

    def __call__(self) -> Image.Image:
        return decode_image(self.encoded())


@dataclass(frozen=True)
class Texts:
    """Texts that can be drawn, and what prevents the others.

    Attributes:
        usable: texts that can be drawn, with repetitions.
        left_out: number of texts that cannot be drawn or that the charset cannot write.
        missing: characters that no font has or that the charset lacks, most frequent first.
        shaped: characters of scripts that are not drawn, because they need shaping, most frequent first.
    """

    usable: Sequence[str]
    left_out: int
    missing: Sequence[str]
    shaped: Sequence[str]

    @property
    def why_left_out(self) -> str:
        """Why texts were left out, as a part of a message; empty if none were."""
        shaped = [why_not_drawn(self.shaped)] if self.shaped else []
        return "; ".join(shaped + ([f"no font or charset has {' '.join(self.missing[:10])}"] if self.missing else []))


def read_texts(labels: str, normaliser: str = "none", seed: int = 0) -> list[str]:
    """Reads the texts to draw.

    Args:
        labels: a text file with a text or `image<TAB>text` in each row (the images need not exist), or any data source.
        normaliser: name of the normaliser that is applied to each text.
        seed: seed of generated sources.

    Raises:
        UserError: the file or source does not exist, or holds no text.
    """
    path = Path(labels).expanduser()
    if path.is_file() and labels.partition(":")[0] not in data_kinds:
        rows = [_text_of(row) for row in read_rows(path)[0]]
    else:
        rows = [line.text for line in open_source(labels, seed).lines]
    texts = [_single_spaced(normalise(normaliser, row)) for row in rows]
    texts = [text for text in texts if text]
    if not texts:
        raise UserError(f"{labels} holds no text")
    return texts


def _text_of(row: str) -> str:
    first, tab, rest = row.partition("\t")
    return rest if tab and (is_image_name(first) or re.search(r"[/.]", first)) else row


def drawable(texts: Iterable[str], faces: Sequence[Face], charset: Iterable[str] | None = None) -> Texts:
    """Selects the texts that some face can draw, glyph by glyph, and that the charset, if there is one, can write.

    Raises:
        UserError: no text is left.
    """
    all_texts = list(texts)
    counts = Counter(c for text in all_texts for c in text)
    allowed = None if charset is None else set(charset)
    known = frozenset().union(*(characters(face) for face in _one_per_map(faces)))
    shaped = needs_shaping(counts)
    missing = {c for c in counts if not c.isspace() and ord(c) not in known} - shaped
    if allowed is not None:
        missing |= {c for c in counts if c not in allowed}
    usable = [text for text in all_texts if missing.isdisjoint(text) and shaped.isdisjoint(text)]
    ordered, undrawn = (sorted(which, key=lambda c: (-counts[c], c)) for which in (missing, shaped))
    found = Texts(usable, len(all_texts) - len(usable), ordered, undrawn)
    if not usable and undrawn:
        raise UserError(f"no text can be drawn: {found.why_left_out}; take photographs or scans of such lines")
    if not usable:
        raise UserError(
            f"no font has the characters of any text: {' '.join(ordered[:8])} are missing; name others with --fonts"
        )
    return found


def _one_per_map(faces: Sequence[Face]) -> list[Face]:
    """The first face of each file: the faces of a collection differ in weight or locale, and hardly in characters."""
    return list({face.path: face for face in reversed(faces)}.values())


def plan_lines(
    texts: Sequence[str],
    faces: Sequence[Face],
    count: int,
    seed: int,
    style: StyleChoice = "mixed",
    photos: str | None = None,
    recombine: float = 0.0,
) -> list[RenderedLine]:
    """Chooses the text and the faces of each line.

    Args:
        texts: texts that can be drawn (`drawable`).
        faces: faces to choose from.
        count: number of lines.
        seed: equal seeds give equal lines; a longer plan begins with the lines of a shorter one.
        style: style of all lines.
        photos: folder of photographs used as backgrounds, or None.
        recombine: fraction of lines, in [0, 1], whose text is recombined from two labels.
    """
    files: dict[str, list[Face]] = {}
    for face in faces:
        files.setdefault(face.path, []).append(face)
    steps = _cumulative_weights(texts)
    lines: list[RenderedLine] = []
    for number in range(count):
        rng = np.random.default_rng([seed, number, 0])
        text = _draw_text(rng, texts, steps, recombine)
        chosen = _choose_faces(rng, text, files)
        if not chosen:  # pieces of two labels that no single font has
            text = texts[int(np.searchsorted(steps, rng.random()))]
            chosen = _choose_faces(rng, text, files)
        if chosen:
            lines.append(RenderedLine(text, chosen, seed, number, style, photos))
    if not lines:
        raise UserError("no single font has all the characters of a text; name others with --fonts")
    return lines


def _cumulative_weights(texts: Sequence[str]) -> np.ndarray:
    counts = Counter(c for text in texts for c in text)
    rarity = {c: count**-0.5 for c, count in counts.items()}
    weights = np.array([sum(rarity[c] for c in text) / len(text) for text in texts])
    return np.cumsum(weights / weights.sum()) * (1 - 1e-9)


def _draw_text(rng: np.random.Generator, texts: Sequence[str], steps: np.ndarray, recombine: float) -> str:
    first, second = (texts[min(len(texts) - 1, int(np.searchsorted(steps, u)))] for u in rng.random(2))
    cut, start, both = rng.random(3)
    if both >= recombine:
        return first
    begins, ends = with_marks(first), with_marks(second)
    head = begins[: max(1, round(cut * len(begins)))]
    tail = ends[round(start * len(ends)) :][: max(0, len(begins) - len(head) + 2)]
    return _single_spaced("".join(head + tail)) or first


def _single_spaced(text: str) -> str:
    """A text without white space at its ends and without a second one after another.

    A wide or a narrow space stays what it is, since a charset that has one may lack the others; a tab becomes a space.
    """
    plain = "".join(" " if c.isspace() and unicodedata.category(c) != "Zs" else c for c in text)
    return re.sub(r"(\s)\s+", r"\1", plain.strip())


def _choose_faces(rng: np.random.Generator, text: str, files: dict[str, list[Face]]) -> tuple[Face, ...]:
    """Chooses up to four faces of different files that have all the characters, in random order."""
    chosen: list[Face] = []
    names = list(files)
    for place in rng.permutation(len(names)):
        face = files[names[place]][int(rng.integers(len(files[names[place]])))]
        if face.draws(text):
            chosen.append(face)
        if len(chosen) == FACES_TO_TRY:
            break
    return tuple(chosen)
