"""What is asked for: which lines, at which height, under which rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from search_space.catalog import nearest
from trainers.base.errors import UserError
from trainers.data.charset import UNKNOWN_POLICIES, Unknown
from trainers.data.normalisers import check_normaliser
from trainers.data.rendered import Rendered
from trainers.data.source_registry import split_sources


@dataclass(frozen=True)
class DataSpec:
    """Which lines, at which height, under which rules; plain values, so that it travels as JSON.

    Attributes:
        training: source of training lines; several joined by `;`.
        validation: source of validation lines; None takes what the training source brings, or sets a tenth aside.
        height_px: rows of every image.
        normaliser: applied to all labels.
        charset: a file with one character a line; None takes the characters of the training labels.
        unknown: what becomes of a training line with a character outside the charset: `drop` (and count), `error`, or
            `map` (write another form of the character, drop where there is none).
        seed: of generated lines.
        training_lines: use only so many, the first ones of each source in proportion; None uses all.
        weights: how often a line of each training source is shown, relative to the others; None shows all alike.
        rendered: lines to draw besides; None draws none.

    Raises:
        UserError: a value out of its range.
    """

    training: str
    validation: str | None = None
    height_px: int = 32
    normaliser: str = "none"
    charset: str | None = None
    unknown: Unknown = "drop"
    seed: int = 0
    training_lines: int | None = None
    weights: tuple[float, ...] | None = None
    rendered: Rendered | None = None

    def __post_init__(self) -> None:
        check_normaliser(self.normaliser)
        if self.unknown not in UNKNOWN_POLICIES:
            hint = nearest(str(self.unknown), list(UNKNOWN_POLICIES))
            raise UserError(f"unknown must be one of {', '.join(UNKNOWN_POLICIES)}, not {self.unknown!r}{hint}")
        if self.height_px < 8:
            raise UserError(f"height_px must be at least 8, not {self.height_px}")
        if self.training_lines is not None and self.training_lines < 1:
            raise UserError(f"training_lines must be at least 1, not {self.training_lines}")
        if self.weights is not None:
            object.__setattr__(self, "weights", tuple(float(w) for w in self.weights))
            sources = split_sources(self.training)
            if len(self.weights) != len(sources) or min(self.weights) < 0 or max(self.weights) <= 0:
                raise UserError(
                    f"weights must be {len(sources)} numbers from 0 up, one per training source, not {self.weights}"
                )

    def as_dict(self) -> dict[str, Any]:
        """Every field and its value."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DataSpec:
        """Builds one from named values.

        Raises:
            UserError: an unknown name, with the nearest known one.
        """
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise UserError(f"no data setting is called '{name}'{nearest(name, known)}")
        named = dict(values)
        if isinstance(named.get("rendered"), Mapping):
            named["rendered"] = Rendered.from_dict(named["rendered"])
        return cls(**named)
