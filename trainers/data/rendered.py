"""Rendered lines inside a study: asked for in its data, drawn from its own labels and charset, kept in its cache.

rendered = { count = 20000 }                        extra training lines, from recombined training labels
rendered = { count = 5000, use = "warmup" }         lines for a warm-up phase before the real ones
rendered = { count = 9000, labels = "words.txt", fonts = "fonts/", style = "print" }
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainers.base.strict_model import StrictModel

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
