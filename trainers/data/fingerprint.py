"""Digests of values, and stamps of files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def digest_of(*parts: object) -> str:
    """Hashes values that JSON can hold to 16 hex digits, equal on every machine."""
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def file_stamp(path: Path) -> tuple[str, int, int]:
    """Identifies the state of a file without reading it: (name, bytes, nanoseconds since 1970); zeros if it does not exist."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # ValueError: a name with a zero byte, which no file has
        return (path.name, 0, 0)
    return (path.name, status.st_size, status.st_mtime_ns)
