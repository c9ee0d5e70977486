"""Describes the data of a study: its sources, the image height, the label normalisation and the charset."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from trainers.base.strict_model import StrictModel
from trainers.data.charset import Charset, Unknown
from trainers.data.normalisers import check_normaliser
from trainers.data.rendered import Rendered
from trainers.data.source_registry import absolute_sources, split_sources

AUTO: Final = "auto"
"""Value of a setting that is chosen by the number and kind of lines."""


class DataSpec(StrictModel):
    """The specification of a dataset; its values can be stored as JSON.

    Attributes:
        training: source of training lines; several joined by `;`.
        validation: source of validation lines; None uses the validation lines of each training source, or some of its training
            lines.
        test: source of test lines; "auto" uses the test lines of each training source, or sets some of its training lines aside
            if there are many; None has no test lines.
        group: key whose values are kept on one side of a split: `folder`, or a column of the label file; None splits single
            images.
        split: version of the split: 2, or 1 for studies whose definition has no such value.
        height_px: rows of every image.
        normaliser: name of the normaliser that is applied to all labels.
        charset: a file with one character per line; None uses the characters of the training labels.
        more_symbols: characters that the charset has besides those of the training labels, such as those of the reader that a
            training begins with; not together with a charset file.
        unknown: policy for training lines with a character outside the charset: `drop` (and count), `error`, or `map` (replace
            the character by another form of it, or drop the line if there is none).
        seed: seed of generated lines.
        training_lines: number of training lines to use, the first ones of each source in proportion; None uses all.
        weights: sampling weight of the lines of each training source, relative to the others; None samples all equally.
        rendered: settings of rendered lines; "auto" renders some if there are few training lines; None renders none.

    Raises:
        UserError: there are unknown names or values out of range; one message names all of them.
    """

    training: str = Field(description="source of training lines")
    validation: str | None = None
    test: str | None = None
    group: str | None = None
    split: Literal[1, 2] = 2
    height_px: int = Field(default=32, ge=8)
    normaliser: str = "none"
    charset: str | None = None
    more_symbols: str = ""
    unknown: Unknown = "drop"
    seed: int = 0
    training_lines: int | None = Field(default=None, ge=1)
    weights: tuple[float, ...] | None = Field(default=None, strict=False)  # a list, as JSON has it, becomes a tuple
    rendered: Rendered | Literal["auto"] | None = None

    def absolute(self) -> dict[str, Any]:
        """Its values, with absolute paths, so that the lines can be found from any folder."""
        sources = {"training": self.training, "validation": self.validation, "test": self.test}
        named = {key: absolute_sources(source) for key, source in sources.items() if source is not None and source != AUTO}
        charset = {} if self.charset is None else {"charset": str(Path(self.charset).expanduser().absolute())}
        return self.as_dict() | named | charset

    @field_validator("normaliser")
    @classmethod
    def _is_a_normaliser(cls, value: str) -> str:
        check_normaliser(value)
        return value

    @model_validator(mode="after")
    def _names_its_symbols_once(self) -> Self:
        if self.more_symbols and self.charset is not None:
            raise ValueError("more_symbols adds to the characters of the labels; a charset file already names all of them")
        if self.more_symbols:
            Charset.from_texts([self.more_symbols])  # a mistake in it is said before lines are decoded for minutes
        return self

    @model_validator(mode="after")
    def _has_a_weight_for_each_source(self) -> Self:
        if self.weights is not None:
            sources = split_sources(self.training)
            if len(self.weights) != len(sources) or min(self.weights) < 0 or max(self.weights) <= 0:
                raise ValueError(
                    f"weights must be {len(sources)} numbers from 0 up, one per training source, not {self.weights}"
                )
        return self
