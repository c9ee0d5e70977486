"""Rendered lines as a data source: decoded lines of them are kept like those of any other set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.data.fingerprint import digest_of, file_stamp
from trainers.data.lines import Line, LineSet
from trainers.data.render.fonts import find_faces
from trainers.data.render.line import StyleChoice
from trainers.data.render.plan import REVISION, drawable, plan_lines
from trainers.data.render.textures import photo_files


@dataclass(frozen=True)
class RenderedSource:
    """Lines drawn from texts.

    Attributes:
        texts: to draw; those that no font can draw are left out.
        symbols: the charset; texts with other characters are left out.
        count: lines.
        seed: of all that is left open.
        fonts: a font file or a folder of fonts; None takes the system's.
        style: `mixed`, `scene`, `web` or `print`.
        photos: folder of photographs to draw on, or None.
        recombine: share of texts put together from two labels.
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
        """Changes with the texts, the fonts and everything that decides how lines look.

        Raises:
            UserError: there are no such fonts or photographs.
        """
        faces = find_faces(None if self.fonts is None else [self.fonts])
        fonts = sorted({file_stamp(Path(face.path)) for face in faces})
        photos = [file_stamp(p) for p in photo_files(Path(self.photos))] if self.photos else []
        how = (REVISION, self.count, self.seed, self.style, self.recombine)
        return digest_of("rendered", how, fonts, photos, list(self.texts), list(self.symbols))

    def read(self) -> LineSet:
        """Plans the lines; they are drawn when they are loaded.

        Raises:
            UserError: no text can be drawn.
        """
        faces = find_faces(None if self.fonts is None else [self.fonts])
        texts = drawable(self.texts, faces, self.symbols).usable
        planned = plan_lines(texts, faces, self.count, self.seed, self.style, self.photos, self.recombine)
        return LineSet([Line(f"rendered/{line.number:06d}", line.text, line) for line in planned])
