"""Rendered lines of a study: its definition asks for them, and they are drawn from its labels and charset.

rendered = { count = 20000 }                        extra training lines, from recombined training labels
rendered = { count = 5000, use = "warmup" }         lines for a warm-up phase before the real ones
rendered = { count = 9000, labels = "words.txt", fonts = "fonts/", style = "print" }
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainers.base.errors import UserError
from trainers.base.strict_model import StrictModel

FEW_LINES = 1000
"""Number of training lines below which `rendered = "auto"` renders lines, since they help most where there are few."""
DRAWN_LINES = 2000
"""Number of lines that `rendered = "auto"` renders."""
LEAST_DRAWABLE_SHARE = 0.9
"""Share of the labels that must be drawable, since lines of fewer would cover only a part of the charset."""

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.data.charset import Charset
    from trainers.data.render.source import RenderedSource


class Rendered(StrictModel):
    """Settings of the rendered lines of a study.

    Attributes:
        count: number of lines.
        use: `extra` adds them to the training lines; `warmup` trains on them alone in the first epochs
            (`trainers.batching.line_selection.warmup_epochs`).
        labels: a text file or a data source whose texts are drawn; None uses the training labels.
        fonts: a font file or a folder of fonts; None uses those of the system.
        style: `scene`, `web`, `print`, or `mixed`.
        photos: folder of photographs used as backgrounds; None uses the two that scikit-learn installs.
        recombine_percent: percentage of texts that are recombined from two labels; None means 50 for training labels and 0 for
            other texts.

    Raises:
        UserError: there are unknown names or values out of range; one message names all of them.
    """

    called: ClassVar[str] = "rendered"

    count: int = Field(ge=1, le=1_000_000, description="how many lines to draw")
    use: Literal["extra", "warmup"] = "extra"
    labels: str | None = None
    fonts: str | None = None
    style: Literal["mixed", "scene", "web", "print"] = "mixed"
    photos: str | None = None
    recombine_percent: int | None = Field(default=None, ge=0, le=100)


def rendered_source(
    rendered: Rendered, training_texts: Sequence[str], charset: Charset, normaliser: str, seed: int
) -> RenderedSource:
    """Makes the source of the rendered lines of a study.

    Args:
        rendered: settings of the lines.
        training_texts: normalised labels of the training lines.
        charset: characters of the models; texts with other characters are left out.
        normaliser: name of the normaliser that is applied to texts from `rendered.labels`.
        seed: seed of the study.

    Raises:
        UserError: `rendered.labels` does not exist.
    """
    from trainers.data.render.plan import read_texts
    from trainers.data.render.source import RenderedSource

    texts = training_texts
    if rendered.labels is not None:
        texts = [_with_known_spaces(text, charset) for text in read_texts(rendered.labels, normaliser, seed)]
    default = 50 if rendered.labels is None else 0
    percent = default if rendered.recombine_percent is None else rendered.recombine_percent
    fonts = None if rendered.fonts is None else Path(rendered.fonts)
    count, style, photos = rendered.count, rendered.style, rendered.photos
    return RenderedSource(texts, charset.symbols, count, seed, fonts, style, photos, percent / 100)


def _with_known_spaces(text: str, charset: Charset) -> str:
    """A text with a space in place of white space that the charset lacks, such as the no-break space of a list from the web."""
    if " " not in charset.symbols:
        return text
    return "".join(" " if c.isspace() and c not in charset.symbols else c for c in text)


def rendered_if_few(available: int, training_texts: Sequence[str], charset: Charset) -> tuple[Rendered | None, tuple[str, ...]]:
    """Resolves `rendered = "auto"`: renders lines if there are few training lines and their labels can be drawn.

    Only training labels are drawn, since a model could memorise the text of a validation or test line.

    Args:
        available: number of training lines of the sources.
        training_texts: their normalised labels.
        charset: characters of the models.

    Returns:
        The settings, or None to render nothing; and notes for the user, empty if there are enough lines.
    """
    from trainers.data.render.fonts import characters
    from trainers.data.render.letter_fonts import find_letter_faces
    from trainers.data.render.shaping import needs_shaping, why_not_drawn

    if available >= FEW_LINES:
        return None, ()
    few = f"{available} training lines are few"
    texts = [text for text in training_texts if not charset.outside(text)]
    try:
        faces = find_letter_faces().kept
    except UserError as error:
        return None, (f"{few}, and none are drawn from their labels: {error}",)
    shaped = needs_shaping(set().union(*texts))
    drawn = sum(shaped.isdisjoint(text) and any(face.draws(text) for face in faces) for text in texts)
    if drawn < LEAST_DRAWABLE_SHARE * len(training_texts):
        known = frozenset[int]().union(*map(characters, faces))
        lacking = [s for s in charset.symbols if ord(s) not in known and not s.isspace() and s not in shaped]
        why = f"lack {' '.join(lacking[:8])}" if lacking else f"have all the characters of only {drawn} of their labels"
        reasons = [why_not_drawn(sorted(shaped))] if shaped else []
        reasons += [f"the fonts of this machine {why}"] if lacking or not shaped else []
        return None, (f"{few}, and none are drawn from their labels: {'; '.join(reasons)}",)
    return Rendered(count=DRAWN_LINES), (
        f"{few}: {DRAWN_LINES:,} lines are drawn from their labels and train as well "
        "(rendered = false in [data] turns this off)",
    )
