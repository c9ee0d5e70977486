"""Rendered lines inside a study: asked for in its data, drawn from its own labels and charset, kept in its cache.

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
"""Training lines below which `rendered = "auto"` draws some: there, lines drawn from the labels help most."""
DRAWN_LINES = 2000
"""How many it draws."""
LEAST_DRAWABLE_SHARE = 0.9
"""Share of the labels that the fonts must be able to draw; drawing fewer would teach a part of the charset only."""

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.data.charset import Charset
    from trainers.data.render.source import RenderedSource


class Rendered(StrictModel):
    """Lines to draw for a study.

    Attributes:
        count: how many.
        use: `extra` joins them to the training lines, `warmup` keeps them apart for a phase before.
        labels: a text file or a data source whose texts are drawn; None takes the training labels.
        fonts: a font file or a folder of fonts; None takes the system's.
        style: `scene`, `web`, `print`, or `mixed`.
        photos: folder of photographs to draw on; None takes the two that scikit-learn brings.
        recombine_percent: share of texts put together from two labels; None means 50 for training labels and 0 for others.

    Raises:
        UserError: every unknown name and every value out of its range, in one message.
    """

    called: ClassVar[str] = "rendered"

    count: int = Field(ge=1, description="how many lines to draw")
    use: Literal["extra", "warmup"] = "extra"
    labels: str | None = None
    fonts: str | None = None
    style: Literal["mixed", "scene", "web", "print"] = "mixed"
    photos: str | None = None
    recombine_percent: int | None = Field(default=None, ge=0, le=100)


def rendered_source(
    rendered: Rendered, training_texts: Sequence[str], charset: Charset, normaliser: str, seed: int
) -> RenderedSource:
    """The source of the lines that a study asks for.

    Args:
        rendered: what it asks for.
        training_texts: labels of its own lines, normalised.
        charset: what its models can write; other texts are left out.
        normaliser: applied to other labels.
        seed: of the study.

    Raises:
        UserError: no such labels.
    """
    from trainers.data.render.plan import read_texts
    from trainers.data.render.source import RenderedSource

    texts = training_texts if rendered.labels is None else read_texts(rendered.labels, normaliser, seed)
    default = 50 if rendered.labels is None else 0
    percent = default if rendered.recombine_percent is None else rendered.recombine_percent
    fonts = None if rendered.fonts is None else Path(rendered.fonts)
    count, style, photos = rendered.count, rendered.style, rendered.photos
    return RenderedSource(texts, charset.symbols, count, seed, fonts, style, photos, percent / 100)


def rendered_if_few(available: int, training_texts: Sequence[str], charset: Charset) -> tuple[Rendered | None, tuple[str, ...]]:
    """What `rendered = "auto"` comes to: lines to draw where there are few, if the fonts of the machine can write them.

    Only training labels are drawn: the text of a validation or test line would be learnt by heart.

    Args:
        available: training lines that the sources have.
        training_texts: their labels, normalised.
        charset: what models can write.

    Returns:
        What to draw, None for nothing; and the sentence that says so, none where there are lines enough.
    """
    from trainers.data.render.fonts import characters, find_faces

    if available >= FEW_LINES:
        return None, ()
    few = f"{available} training lines are few"
    texts = [text for text in training_texts if not charset.outside(text)]
    try:
        faces = find_faces()
    except UserError as error:
        return None, (f"{few}, and none are drawn from their labels: {error}",)
    drawn = sum(any(face.draws(text) for face in faces) for text in texts)
    if drawn < LEAST_DRAWABLE_SHARE * len(training_texts):
        known = frozenset[int]().union(*map(characters, faces))
        lacking = [symbol for symbol in charset.symbols if ord(symbol) not in known and not symbol.isspace()]
        why = f"lack {' '.join(lacking[:8])}" if lacking else f"have all the characters of only {drawn} of their labels"
        return None, (f"{few}, and none are drawn from their labels: the fonts of this machine {why}",)
    return Rendered(count=DRAWN_LINES), (
        f"{few}: {DRAWN_LINES:,} lines are drawn from their labels and train as well "
        "(rendered = false in [data] turns this off)",
    )
