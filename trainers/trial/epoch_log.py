"""The epoch log of a trial: an append-only file of JSON lines beside the checkpoint, one for each epoch that was trained.

A line is written after the checkpoint of its epoch. It holds the epoch's report, the time at which the epoch ended and the host
and process that trained it. The checkpoint holds the present state of a training; the log also has the epochs that were trained
twice, so the file shows how much work the training took.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from pathlib import Path
from typing import Any, BinaryIO

from trainers.base.progress import EpochReport

EPOCHS_NAME = "epochs.jsonl"
"""Name of the log in a trial's folder."""


def add_epoch(folder: Path, report: EpochReport) -> None:
    """Appends an epoch to the log.

    A write error is ignored: the checkpoint reports a full disk, and resuming does not need the log.

    Args:
        folder: the trial's folder.
        report: the epoch's report.
    """
    entry = {**report.as_dict(), "ended": round(time.time(), 3), "by": f"{socket.gethostname()}:{os.getpid()}"}
    with contextlib.suppress(OSError), (folder / EPOCHS_NAME).open("ab+") as log:
        log.write(_line_break_after(log) + json.dumps(entry).encode() + b"\n")


def _line_break_after(log: BinaryIO) -> bytes:
    """A line break if a file ends with half a line, which a killed process has left."""
    if log.seek(0, os.SEEK_END) == 0:
        return b""
    log.seek(-1, os.SEEK_END)
    return b"" if log.read(1) == b"\n" else b"\n"


def read_epochs(log: Path) -> list[dict[str, Any]]:
    """All epochs of a log, oldest first; empty when the file is missing."""
    return read_lines(log)


def logged_reports(folder: Path) -> list[EpochReport]:
    """The last report of each epoch in the log of a trial's folder, in their order."""
    known = EpochReport.__dataclass_fields__
    entries = ({name: entry[name] for name in known if name in entry} for entry in read_epochs(folder / EPOCHS_NAME))
    return list({report.epoch: report for report in map(EpochReport.from_dict, entries)}.values())


def read_lines(log: Path) -> list[dict[str, Any]]:
    """All complete lines of a JSON lines file, empty when it is missing. Half a line, left by a killed process, is skipped."""
    values = []
    with contextlib.suppress(OSError):
        for line in log.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                values.append(json.loads(line))
    return values
