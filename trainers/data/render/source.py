"""Rendered lines as a data source: they are decoded and cached as those of any other source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.data.fingerprint import digest_of, file_stamp
from trainers.data.lines import Line, LineSet
from trainers.data.render.letter_fonts import find_letter_faces
from trainers.data.render.line import StyleChoice
from trainers.data.render.plan import REVISION, drawable, plan_lines
from trainers.data.render.textures import photo_files


@dataclass(frozen=True)
class RenderedSource:
    """A source of lines rendered from texts.

    Attributes:
        texts: texts to draw; those that cannot be drawn are left out (`plan.drawable`).
        symbols: the charset; texts with other characters are left out.
        count: number of lines.
        seed: seed of the plan and of all random choices.
        fonts: a font file or a folder of fonts; None uses those of the system.
        style: `mixed`, `scene`, `web` or `print`.
        photos: folder of photographs used as backgrounds, or None.
        recombine: fraction of lines, in [0, 1], whose text is recombined from two labels.
    """

    texts: Sequence[str]
    symbols: Sequence[str]
    count: int
    seed: int
    fonts: Path | None
    style: StyleChoice
    photos: str | None
    recombine: float

    def fingerprint(self) -> str:
        """A digest of the texts, the fonts and all settings that change how lines look.

        Raises:
            UserError: there are no fonts or photographs where they should be.
        """
        faces = find_letter_faces(None if self.fonts is None else [self.fonts]).kept
        fonts = sorted({file_stamp(Path(face.path)) for face in faces})
        photos = [file_stamp(p) for p in photo_files(Path(self.photos))] if self.photos else []
        how = (REVISION, self.count, self.seed, self.style, self.recombine)
        return digest_of("rendered", how, fonts, photos, list(self.texts), list(self.symbols))

    def read(self) -> LineSet:
        """Plans the lines. Each is rendered when it is loaded.

        Raises:
            UserError: no text can be drawn.
        """
        faces = find_letter_faces(None if self.fonts is None else [self.fonts]).kept
        texts = drawable(self.texts, faces, self.symbols).usable
        planned = plan_lines(texts, faces, self.count, self.seed, self.style, self.photos, self.recombine)
        return LineSet([Line(f"rendered/{line.number:06d}", line.text, line) for line in planned])
