"""Renders planned lines into a folder with several processes: images and a PaddleOCR label file.

OUT/labels.txt              images/000/000000.jpg<TAB>text
OUT/images/000/000000.jpg   a thousand images to a folder
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.base.atomic_write import whole_or_nothing
from trainers.base.cores import usable_cores
from trainers.base.errors import UserError
from trainers.data.cache import Progress
from trainers.data.lines import Skipped
from trainers.data.processes import parallel_map
from trainers.data.render.plan import RenderedLine

CHUNK_LINES = 32
"""Lines that a process renders at once: about a second of work, so that handing them over takes no noticeable time."""
LABELS = "labels.txt"
"""Name of the label file, by which the folder is recognised as PaddleOCR data."""


@dataclass(frozen=True)
class Written:
    """The result of `write_lines`.

    Attributes:
        labels: path of the label file.
        lines: number of images.
        skipped: lines for which no face left ink.
    """

    labels: Path
    lines: int
    skipped: list[Skipped]


def write_lines(
    lines: Sequence[RenderedLine], folder: Path, processes: int | None = None, progress: Progress | None = None
) -> Written:
    """Renders lines and writes them. The files do not depend on the number of processes.

    Args:
        lines: the planned lines.
        folder: created if missing; must not hold a label file.
        processes: number of processes; None uses all cores.
        progress: called with (lines done, lines in total).

    Raises:
        UserError: the folder has a label file already, or cannot be written.
    """
    labels = folder / LABELS
    if labels.exists():
        raise UserError(f"{labels} is already there; name another folder")
    rows: list[str] = []
    skipped: list[Skipped] = []
    done = 0
    chunks = ((lines[at : at + CHUNK_LINES], str(folder)) for at in range(0, len(lines), CHUNK_LINES))
    try:
        with whole_or_nothing(folder):
            for drawn in parallel_map(_draw_chunk, chunks, usable_cores() if processes is None else processes):
                for line, name in zip(lines[done : done + len(drawn)], drawn, strict=True):
                    if name is None:
                        skipped.append(Skipped(line.text, "no font draws this text"))
                    else:
                        rows.append(f"{name}\t{line.text}\n")
                done += len(drawn)
                if progress is not None:
                    progress(done, len(lines))
            labels.write_text("".join(rows), encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}; nothing was left there") from None
    return Written(labels, len(rows), skipped)


def _draw_chunk(chunk: tuple[Sequence[RenderedLine], str]) -> list[str | None]:
    """Renders some lines. Returns the name of each image, or None if nothing could be drawn."""
    lines, folder = chunk
    names: list[str | None] = []
    for line in lines:
        try:
            data = line.encoded()
        except UserError:
            names.append(None)
            continue
        suffix = "jpg" if data[:2] == b"\xff\xd8" else "png"
        name = f"images/{line.number // 1000:03d}/{line.number:06d}.{suffix}"
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        names.append(name)
    return names
