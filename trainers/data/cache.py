"""The cache of decoded images: one entry per source and height, in memory-mapped uint8 files that all processes share.

    <cache>/data/<source>-<content>/index.json   names, labels, widths, offsets, checksums, and skipped lines
                                    w00320.bin   all images whose padded width is 320 px
                                    tiny.dat     a tiny grey version of each decoded image, to find near duplicates

Decisions:
- The name of an entry contains the fingerprint of the source and the height. If a source changes, a new entry is built and the
  old one is deleted.
- An entry is built under a temporary name, under a file lock, and renamed when it is complete. Of two studies that start
  together, one builds and the other waits. The next build deletes what a killed process has left.
- Images keep their own width. Images of similar width share a file, so the pixels of a batch are close together.
- Grey images are stored with one channel.
- Every image has a checksum, which a process verifies when it first reads the image.
"""

from __future__ import annotations

import hashlib
import json
import mmap
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
from trainers.data.lines import Line, LineSet, Skipped, with_usable_labels
from trainers.data.near_equal import TINY_COLUMNS, TINY_ROWS
from trainers.data.processes import parallel_map
from trainers.data.source import Source

FORMAT = 4
"""Version of the layout, the geometry and the decoding. Increase it when one of them changes; entries are then built again."""
CHUNK_LINES = 64
"""Lines that a process decodes at once: enough work that handing it over takes no noticeable time."""
PROCESSES_PAY_FROM = 3000
"""Number of lines below which starting processes takes longer than decoding in one process."""
SPARE_BYTES = 64 << 20
"""Space that must stay free on the disk, for the files of a search that starts afterwards."""

Progress = Callable[[int, int], None]
"""A function that is called with the number of lines done and the number of lines in total."""
TINY_NAME = "tiny.dat"
"""Name of the file with the tiny images of an entry."""


class CacheEntry:
    """A cache entry, open for reading.

    Attributes:
        folder: folder of the entry.
        height_px: rows of every image.
        names, texts: name and label of each line, as in the source.
        skipped: lines that were left out, with the reason.
        widths: (N,) int32 columns of each image.
        sizes: (N, 2) int32 width and height of each image in the source.
        contents: (N,) uint64, a hash of the pixels at this height.
        originals: (N,) uint64, a hash of the decoded image before resizing, equal at every height.
        tiny: (N, 192) uint8, a tiny grey version of the decoded image.
    """

    def __init__(self, folder: Path) -> None:
        """Opens an entry.

        Raises:
            TrainingFault: of kind "cache" if the entry is incomplete or damaged.
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
        """Whether the entry on disk is still the one that was opened, neither deleted nor built again."""
        return file_stamp(self.folder / "index.json") == self._stamp

    def is_grey(self, i: int) -> bool:
        """Whether the line is stored with one channel."""
        return self._channels[i] == 1

    def image(self, i: int) -> NDArray[np.uint8]:
        """Pixels of a line: uint8 (H, W, 3), read-only and not copied; a grey line repeats one channel.

        Raises:
            TrainingFault: of kind "cache" if the checksum does not match; the entry is then built again.
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

    def release(self) -> None:
        """Gives back the memory of the images that were read; they are read again when they are needed.

        They stay in the page cache of the system as long as it has room. Does nothing where the system has no `madvise`.
        """
        for images in self._groups.values():
            if isinstance(images.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
                images.base.madvise(mmap.MADV_DONTNEED)


def open_entry(
    found: Source,
    name: str,
    height_px: int,
    cache_folder: Path,
    progress: Progress | None = None,
    processes: int | None = None,
) -> CacheEntry:
    """Opens the decoded lines of a source; decodes them first if the cache does not have them.

    Args:
        found: the source.
        name: name of the source. Of the entries with one name and height, only the newest is kept.
        height_px: rows of the images.
        cache_folder: folder of the cache, shared by all studies; created if missing.
        progress: called with (lines done, lines in total) while decoding.
        processes: number of processes that decode; None uses all cores if there are at least `PROCESSES_PAY_FROM` lines.

    Raises:
        UserError: the source has no readable line, or there is not enough space on the disk.
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
            opened = _try_to_open(folder)  # another process may have built it meanwhile
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
    """Decodes a source into a temporary folder, and renames the folder when it is complete."""
    line_set = with_usable_labels(source.read())
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
    """Estimates the size of the entry from a sample of lines.

    Raises:
        UserError: there is not enough free space on the disk.
    """
    sample = [decode_line(line, height_px) for line in lines[:: max(1, len(lines) // 32)][:32]]
    sizes = [len(result.pixels) for result in sample if not isinstance(result, str)]
    needed = int(1.1 * len(lines) * float(np.mean(sizes))) if sizes else 0
    free = shutil.disk_usage(folder).free
    if needed + SPARE_BYTES > free:
        raise UserError(
            f"preparing {len(lines)} lines takes about {needed / 1e9:.2f} GB in {folder.parent}, where {free / 1e9:.2f} GB is "
            f"free; {SPARE_BYTES / 1e9:.2f} GB more are needed for the files of a search: make room or set PARETEXT_HOME to a "
            "larger disk"
        )
