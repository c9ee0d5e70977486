"""Short names for contents: equal parts give equal digests, on every machine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def digest_of(*parts: object) -> str:
    """16 hex digits of anything JSON can write."""
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def file_stamp(path: Path) -> tuple[str, int, int]:
    """What tells a file from its older self without reading it: (name, bytes, nanoseconds since 1970); zeros if it is gone."""
    try:
        status = path.stat()
    except OSError:
        return (path.name, 0, 0)
    return (path.name, status.st_size, status.st_mtime_ns)
