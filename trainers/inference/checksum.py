"""A checksum at the end of a file whose weights are coded: damage to a code is not visible in the weights, which stay numbers.

Decisions:
- The checksum is the last entry of the file's metadata, and covers all bytes before its value. It is checked before anything is
  decoded. Files of other precisions have none.
- A coded file that does not end with a checksum has lost its end, or got another one, and is refused as well.
"""

from __future__ import annotations

import zlib

CHECKSUM = "crc32"
"""Key of the entry, which has to be the last one of a file."""
UNSEALED = "0" * 8
"""Value of the entry before the checksum is known, as long as a checksum in hexadecimal digits."""
_ENTRY = b"\x0a" + bytes([len(CHECKSUM)]) + CHECKSUM.encode() + b"\x12" + bytes([len(UNSEALED)])
"""The bytes before a checksum, as protobuf writes them: tag, length and text of the key; tag and length of the value."""


def sealed(data: bytes) -> bytes:
    """Writes the checksum of a file into its last entry.

    Args:
        data: a file that ends with an entry of the key `CHECKSUM` and the value `UNSEALED`.
    """
    start = len(data) - len(UNSEALED)
    assert data[:start].endswith(_ENTRY) and data[start:] == UNSEALED.encode()
    return data[:start] + f"{zlib.crc32(data[:start]):08x}".encode()


def has_checksum(data: bytes) -> bool:
    """Whether a file ends with a checksum, as all do whose weights are coded."""
    return data[: -len(UNSEALED)].endswith(_ENTRY)


def is_damaged(data: bytes) -> bool:
    """Whether a file has a checksum that is not that of its bytes."""
    start = len(data) - len(UNSEALED)
    return has_checksum(data) and data[start:] != f"{zlib.crc32(data[:start]):08x}".encode()
