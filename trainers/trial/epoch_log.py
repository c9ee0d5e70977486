"""What has been trained, epoch by epoch: a file beside the checkpoint that is only ever added to, whatever process trains.

A line of JSON for each epoch, written once its checkpoint is on disk: the epoch's report, when it ended and who trained it.
A checkpoint says where a training stands; this says what it took, epochs that were trained again included.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from trainers.base.progress import EpochReport

EPOCHS_NAME = "epochs.jsonl"


def add_epoch(folder: Path, report: EpochReport) -> None:
    """Adds a line to the folder's log; a disk that is full stops the checkpoint, not this."""
    facts = {**report.as_dict(), "ended": round(time.time(), 3), "by": f"{socket.gethostname()}:{os.getpid()}"}
    with contextlib.suppress(OSError), (folder / EPOCHS_NAME).open("a", encoding="utf-8") as log:
        log.write(json.dumps(facts) + "\n")


def read_epochs(log: Path) -> list[dict[str, Any]]:
    """All epochs of a log, oldest first."""
    return read_lines(log)


def read_lines(log: Path) -> list[dict[str, Any]]:
    """All whole lines of a file of JSON lines; a process that was killed may have left half of one. None when it is missing."""
    found = []
    with contextlib.suppress(OSError):
        for line in log.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
    return found
