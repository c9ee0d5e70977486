"""Stores which lines a file reads without an error, one bit per line, so that two files can be compared line by line."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RightLines:
    """The lines of a dataset that a file reads without an error.

    Attributes:
        digest: digest of the dataset; only files that have read the same lines can be compared.
        lines: number of lines.
        bits: one bit per line in the order of the dataset, 1 for a line without an error, as base64.
    """

    digest: str
    lines: int
    bits: str

    @classmethod
    def of(cls, digest: str, right: Sequence[bool]) -> RightLines:
        """Packs a value for each line."""
        count = -(-len(right) // 8)
        digits = "".join("1" if each else "0" for each in right).ljust(8 * count, "0")
        return cls(digest, len(right), base64.b64encode(int(digits or "0", 2).to_bytes(count, "big")).decode("ascii"))

    def unpacked(self) -> list[bool]:
        """Whether each line is read without an error."""
        packed = base64.b64decode(self.bits)
        digits = format(self._number, f"0{8 * len(packed)}b")
        return [digit == "1" for digit in digits[: self.lines]]

    def differences(self, other: RightLines) -> tuple[int, int] | None:
        """Counts the lines that only this file and only the other file reads; None if the datasets differ."""
        if (self.digest, self.lines) != (other.digest, other.lines):
            return None
        return (self._number & ~other._number).bit_count(), (other._number & ~self._number).bit_count()

    @property
    def _number(self) -> int:
        """The bits as one number, the first line first."""
        return int.from_bytes(base64.b64decode(self.bits), "big")
