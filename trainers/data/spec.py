"""Describes the data of a study: its sources, the image height, the label normalisation and the charset."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from trainers.base.strict_model import StrictModel
from trainers.data.charset import Unknown
from trainers.data.normalisers import check_normaliser
from trainers.data.rendered import Rendered
from trainers.data.source_registry import split_sources

AUTO: Final = "auto"
"""In place of a setting: what suits the lines."""


class DataSpec(StrictModel):
    """Which lines, at which height, under which rules; plain values, so that it travels as JSON.

    Attributes:
        training: source of training lines; several joined by `;`.
        validation: source of validation lines; None takes what each training source brings, or some of its lines.
        test: source of test lines; "auto" takes what each training source brings, or sets some of its lines aside where there
            are many; None does without.
        group: what must not be on two sides of a split: `folder`, or a column of the label file; None is each image alone.
        split: 2, or 1 for the way in which studies were split whose definition has no such value.
        height_px: rows of every image.
        normaliser: applied to all labels.
        charset: a file with one character a line; None takes the characters of the training labels.
        unknown: what becomes of a training line with a character outside the charset: `drop` (and count), `error`, or
            `map` (write another form of the character, drop where there is none).
        seed: of generated lines.
        training_lines: use only so many, the first ones of each source in proportion; None uses all.
        weights: how often a line of each training source is shown, relative to the others; None shows all alike.
        rendered: lines to draw besides; "auto" draws some where there are few; None draws none.

    Raises:
        UserError: every unknown name and every value out of its range, in one message.
    """

    training: str = Field(description="source of training lines")
    validation: str | None = None
    test: str | None = None
    group: str | None = None
    split: Literal[1, 2] = 2
    height_px: int = Field(default=32, ge=8)
    normaliser: str = "none"
    charset: str | None = None
    unknown: Unknown = "drop"
    seed: int = 0
    training_lines: int | None = Field(default=None, ge=1)
    weights: tuple[float, ...] | None = Field(default=None, strict=False)  # a list, as JSON has it, becomes a tuple
    rendered: Rendered | Literal["auto"] | None = None

    @field_validator("normaliser")
    @classmethod
    def _is_a_normaliser(cls, value: str) -> str:
        check_normaliser(value)
        return value

    @model_validator(mode="after")
    def _has_a_weight_for_each_source(self) -> Self:
        if self.weights is not None:
            sources = split_sources(self.training)
            if len(self.weights) != len(sources) or min(self.weights) < 0 or max(self.weights) <= 0:
                raise ValueError(
                    f"weights must be {len(sources)} numbers from 0 up, one per training source, not {self.weights}"
                )
        return self
