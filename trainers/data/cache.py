"""A source's images, decoded once: memory-mapped uint8 files that all processes on the machine share, read-only.

    <cache>/data/<source>-<content>/index.json   names, labels, widths, places, checksums, and what was skipped
                                    w00320.bin   every image whose padded width is 320 px, one after the other
                                    tiny.dat     a tiny grey version of each image as it was decoded, to find near copies

Decisions:
- An entry's name holds the source's fingerprint and the height: a changed source is another entry, and the old one goes.
- An entry is built under another name and renamed when complete, with a file lock around it: of two studies that start
  together one builds and the other waits; what a killed one left is swept away by the next.
- Images keep their own width; files group like widths, so that a batch's pixels lie close together.
- Grey images are stored with one channel.
- Every image has a checksum, which is looked at the first time a process reads it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from trainers.base.atomic_write import move_durably
from trainers.base.cores import usable_cores
from trainers.base.errors import TrainingFault, UserError
from trainers.base.file_lock import locked
from trainers.base.preprocess import canonical_width
from trainers.data.decoding import decode_chunk, decode_line
from trainers.data.fingerprint import digest_of, file_stamp
from trainers.data.lines import Line, LineSet, Skipped
from trainers.data.near_equal import TINY_COLUMNS, TINY_ROWS
from trainers.data.processes import parallel_map
from trainers.data.source import Source

FORMAT = 2
"""Raised when the layout, the geometry or the decoding changes: old entries are then left behind."""
CHUNK_LINES = 64
PROCESSES_PAY_FROM = 3000
"""Lines below which starting processes takes longer than decoding."""
SPARE_BYTES = 64 << 20

Progress = Callable[[int, int], None]
TINY_NAME = "tiny.dat"


class CacheEntry:
    """An entry, open for reading.

    Attributes:
        folder: where it lies.
        height_px: rows of every image.
        names, texts: of each line, as the source has them.
        skipped: what the source or its images were lacking.
        widths: (N,) int32 columns.
        sizes: (N, 2) int32 width and height the image came in.
        contents: (N,) uint64, a hash of the pixels at this height; equal images have equal ones.
        originals: (N,) uint64, a hash of the image as it was decoded, before resizing: the same at every height.
        tiny: (N, 192) uint8, a tiny grey version of the image as it was decoded.
    """

    def __init__(self, folder: Path) -> None:
        """Opens an entry.

        Raises:
            TrainingFault: of kind "cache" when it is incomplete or damaged.
        """
        self.folder = folder
        self._stamp = file_stamp(folder / "index.json")
        index = _read_index(folder)
        self.height_px: int = index["height_px"]
        self.names: list[str] = index["names"]
        self.texts: list[str] = index["texts"]
        self.skipped = [Skipped(name, reason) for name, reason in index["skipped"]]
        self.widths: NDArray[np.int32] = np.array(index["widths"], dtype=np.int32)
        self.sizes: NDArray[np.int32] = np.array(index["sizes"], dtype=np.int32).reshape(-1, 2)
        self.contents: NDArray[np.uint64] = np.array(index["contents"], dtype=np.uint64)
        self.originals: NDArray[np.uint64] = np.array(index["originals"], dtype=np.uint64)
        self.tiny = _map_tiny(folder, len(self.names), index["tiny_sum"])
        self._channels: list[int] = index["channels"]
        self._offsets: list[int] = index["offsets"]
        self._sums: list[int] = index["sums"]
        self._checked = bytearray(len(self.names))
        self._groups = {int(width): _map(folder, int(width), size) for width, size in index["groups"].items()}

    def __len__(self) -> int:
        return len(self.names)

    def is_current(self) -> bool:
        """Whether the entry on disk is still the one that was opened: neither deleted nor built again."""
        return file_stamp(self.folder / "index.json") == self._stamp

    def is_grey(self, i: int) -> bool:
        """Whether the line is stored with one channel."""
        return self._channels[i] == 1

    def image(self, i: int) -> NDArray[np.uint8]:
        """Pixels of a line: uint8 (H, W, 3), read-only and not copied; a grey line repeats one channel.

        Raises:
            TrainingFault: of kind "cache" when they are not what was written.
        """
        width, channels, offset = int(self.widths[i]), self._channels[i], self._offsets[i]
        data = self._groups[canonical_width(width)][offset : offset + self.height_px * width * channels]
        if not self._checked[i]:
            if zlib.crc32(data.data) != self._sums[i]:
                (self.folder / "index.json").unlink(missing_ok=True)
                raise TrainingFault(
                    "cache", f"prepared image of {self.names[i]} in {self.folder} is damaged; it will be prepared again"
                )
            self._checked[i] = 1
        pixels = data.reshape(self.height_px, width, channels)
        return pixels if channels == 3 else np.broadcast_to(pixels, (self.height_px, width, 3))


def open_entry(
    found: Source,
    name: str,
    height_px: int,
    cache_folder: Path,
    progress: Progress | None = None,
    processes: int | None = None,
) -> CacheEntry:
    """The decoded lines of a source, from the cache or decoded now.

    Args:
        found: the source.
        name: what it is called; of entries with one name and height only the newest is kept.
        height_px: rows.
        cache_folder: shared by all studies; made when missing.
        progress: called with (lines done, lines in total) while decoding.
        processes: that decode together; None takes as many as there are cores, when there is much to decode.

    Raises:
        UserError: no readable line in the source, or not enough room on the disk.
    """
    place = digest_of(name, height_px)
    folder = cache_folder / "data" / f"{place}-{digest_of(FORMAT, found.fingerprint(), height_px)}"
    opened = _try_to_open(folder)
    if opened is None:
        with ExitStack() as held:
            try:
                held.enter_context(locked(folder.parent / f"{place}.lock"))
            except OSError as error:
                raise UserError(f"cannot write to the cache folder {folder.parent}: {error.strerror or error}") from None
            opened = _try_to_open(folder)  # somebody else may have built it while we waited
            if opened is None:
                for old in folder.parent.glob(f"{place}-*"):
                    shutil.rmtree(old, ignore_errors=True)
                _build(folder, found, height_px, progress, processes)
                opened = CacheEntry(folder)
    return opened


def _try_to_open(folder: Path) -> CacheEntry | None:
    try:
        return CacheEntry(folder) if folder.exists() else None
    except TrainingFault:
        return None


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        checksum, _, text = (folder / "index.json").read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        raise TrainingFault("cache", f"prepared data in {folder} has no readable index") from None
    if hashlib.sha256(text.encode()).hexdigest() != checksum:
        raise TrainingFault("cache", f"the index of the prepared data in {folder} is damaged")
    index: dict[str, Any] = json.loads(text)
    return index


def _map(folder: Path, width: int, size: int) -> NDArray[np.uint8]:
    path = _group_file(folder, width)
    if not path.exists() or path.stat().st_size != size:
        raise TrainingFault("cache", f"prepared data in {folder} is incomplete: {path.name}")
    return np.memmap(path, dtype=np.uint8, mode="r")


def _map_tiny(folder: Path, lines: int, checksum: int) -> NDArray[np.uint8]:
    path = folder / TINY_NAME
    if not path.exists() or path.stat().st_size != lines * TINY_ROWS * TINY_COLUMNS:
        raise TrainingFault("cache", f"prepared data in {folder} is incomplete: {path.name}")
    tiny = np.memmap(path, dtype=np.uint8, mode="r")
    if zlib.crc32(tiny.data) != checksum:
        raise TrainingFault("cache", f"prepared data in {folder} is damaged: {path.name}")
    return tiny.reshape(lines, TINY_ROWS * TINY_COLUMNS)


def _group_file(folder: Path, width: int) -> Path:
    return folder / f"w{width:05d}.bin"


def _build(folder: Path, source: Source, height_px: int, progress: Progress | None, processes: int | None) -> None:
    """Decodes a source into a folder that appears only when it is complete."""
    line_set = source.read()
    building = folder.with_name(folder.name + ".building")
    try:
        building.mkdir()
        _check_room(line_set.lines, height_px, building)
        _write(building, line_set, height_px, progress, processes)
        move_durably(building, folder)
    except OSError as error:
        raise UserError(f"cannot write prepared lines to {folder.parent}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write(building: Path, line_set: LineSet, height_px: int, progress: Progress | None, processes: int | None) -> None:
    lines = line_set.lines
    index: dict[str, list[Any]] = {
        k: [] for k in ("names", "texts", "widths", "channels", "offsets", "sums", "contents", "sizes", "originals")
    }
    skipped, files, ends, done = list(line_set.skipped), dict[int, BinaryIO](), dict[int, int](), 0
    tiny, tiny_sum = (building / TINY_NAME).open("wb"), 0
    if processes is None:
        processes = usable_cores() if len(lines) >= PROCESSES_PAY_FROM else 1
    chunks = ((lines[at : at + CHUNK_LINES], height_px) for at in range(0, len(lines), CHUNK_LINES))
    try:
        for decoded in parallel_map(decode_chunk, chunks, processes):
            for line, result in zip(lines[done : done + len(decoded)], decoded, strict=True):
                if isinstance(result, str):
                    skipped.append(Skipped(line.name, result))
                    continue
                pixels, width = result.pixels, result.width
                group = canonical_width(width)
                if group not in files:
                    files[group] = _group_file(building, group).open("wb")
                files[group].write(pixels)
                content = int.from_bytes(hashlib.blake2b(pixels, digest_size=8, salt=str(width).encode()).digest())
                sums = zlib.crc32(pixels), content
                row = (line.name, line.text, width, result.channels, ends.get(group, 0), *sums, result.size, result.original)
                for column, value in zip(index.values(), row, strict=True):
                    column.append(value)
                tiny.write(result.tiny)
                tiny_sum = zlib.crc32(result.tiny, tiny_sum)
                ends[group] = ends.get(group, 0) + len(pixels)
            done += len(decoded)
            if progress is not None:
                progress(done, len(lines))
    finally:
        for file in (tiny, *files.values()):
            file.close()
    if not index["names"]:
        reasons = f"; the first, {skipped[0].name}: {skipped[0].reason}" if skipped else ""
        raise UserError(f"none of {len(lines)} lines can be used{reasons}")
    rest = {"height_px": height_px, "skipped": [(s.name, s.reason) for s in skipped], "groups": ends, "tiny_sum": tiny_sum}
    _write_index(building, rest | index)


def _write_index(building: Path, index: dict[str, Any]) -> None:
    text = json.dumps(index, ensure_ascii=True, separators=(",", ":"))
    (building / "index.json").write_text(hashlib.sha256(text.encode()).hexdigest() + "\n" + text, encoding="utf-8")


def _check_room(lines: Sequence[Line], height_px: int, folder: Path) -> None:
    """Refuses to start on a disk that some sample lines say is too small."""
    sample = [decode_line(line, height_px) for line in lines[:: max(1, len(lines) // 32)][:32]]
    sizes = [len(result.pixels) for result in sample if not isinstance(result, str)]
    needed = int(1.1 * len(lines) * float(np.mean(sizes))) if sizes else 0
    free = shutil.disk_usage(folder).free
    if needed + SPARE_BYTES > free:
        raise UserError(
            f"preparing {len(lines)} lines takes about {needed / 1e9:.2f} GB in {folder.parent}, where {free / 1e9:.2f} GB is "
            "free; make room or set PARETEXT_HOME to a larger disk"
        )
