"""The section `[data]` of a study file: which lines are learnt from, validated on and tested on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator

from studies.definition.section_types import Flag, StudySection

if TYPE_CHECKING:
    from trainers.data.rendered import Rendered
    from trainers.data.spec import DataSpec


class Data(StudySection):
    """`[data]`: what to learn from."""

    source: Annotated[str | list[str], Flag("--data", "SOURCE")] = Field(
        default="digits",
        description="digits, a folder of line images, a label file or an LMDB (docs/data.md); a list joins several",
        examples=["lines/"],
    )
    validation: Annotated[str | list[str] | None, Flag("--validation", "SOURCE")] = Field(
        default=None,
        description="validation lines; without it, what each source brings, or a tenth of it (a fifth below 1,000 lines)",
        examples=["held-out/"],
    )
    test: Annotated[str | list[str] | Literal[False], Flag("--test", "SOURCE")] = Field(
        default="auto",
        description="test lines, which no search looks at until it ends; auto takes what each source brings, or a tenth of it "
        "where there are 2,000 training lines and more; false does without",
        examples=["never-seen/"],
    )
    group: str | None = Field(
        default=None,
        description="lines with one value of it never train and measure at the same time: folder, or a column of the label "
        "file, such as page or writer",
        examples=["folder"],
    )
    split: Literal[1, 2] = Field(
        default=2,
        description="how lines are split: 2, or 1, which is only for studies that an earlier version has made",
        examples=[2],
    )
    normaliser: str = Field(
        default="none",
        description="applied to all labels: none, nfc, nfkc, lower, no_spaces, contest_zh, fudan, english_36",
        examples=["nfkc"],
    )
    charset: str | None = Field(
        default=None,
        description="a file with one character a line; without it, the characters of the training labels",
        examples=["charset.txt"],
    )
    unknown: Literal["drop", "error", "map"] = Field(
        default="drop",
        description="what happens to a label with a character outside the charset: drop the line and count it, stop with an "
        "error, or map the character to another form of it",
        examples=["map"],
    )
    weights: list[float] | None = Field(
        default=None,
        description="with a list of sources: how often a line of each is used, relative to the others",
        examples=[[3, 1]],
    )
    rendered: Literal["auto"] | bool | dict[str, Any] | None = Field(
        default=False,
        description="lines to draw in addition, from the labels of the study (docs/data.md); auto draws 2,000 where there are "
        "fewer than 1,000 training lines and the fonts have their characters, which can hold a training back",
        examples=[{"count": 20000}],
    )

    @field_validator("source", "validation", "test", "charset")
    @classmethod
    def _name_something(cls, value: Any) -> Any:
        """An empty text, such as an unset variable of a script, would name the current folder."""
        texts = value if isinstance(value, list) else [value]
        if not texts or any(isinstance(text, str) and not text.strip() for text in texts):
            raise ValueError("names nothing; leave the key out, or name a folder or a file")
        if any(isinstance(text, str) and "\0" in text for text in texts):
            raise ValueError("no file has a NUL character in its name")
        return value

    def spec(self, height_px: int, seed: int) -> DataSpec:
        """The same at one input height, as workers open it.

        Args:
            height_px: rows of every image.
            seed: of generated lines.

        Raises:
            UserError: a value out of its range.
        """
        from trainers.data.spec import DataSpec  # brings numpy, which --help does not wait for

        return DataSpec(
            training=_joined(self.source),
            validation=None if self.validation is None else _joined(self.validation),
            test=None if self.test is False else _joined(self.test),
            group=self.group,
            split=self.split,
            height_px=height_px,
            normaliser=self.normaliser,
            charset=self.charset,
            unknown=self.unknown,
            seed=seed,
            weights=None if self.weights is None else tuple(self.weights),
            rendered=_rendered(self.rendered),
        )

    def absolute(self) -> Data:
        """The same data with absolute paths, so that the study can be resumed from any folder."""
        from trainers.data.source_registry import absolute_sources

        paths: dict[str, Any] = {"source": _each(absolute_sources, self.source)}
        if self.validation is not None:
            paths["validation"] = _each(absolute_sources, self.validation)
        if self.test and self.test != "auto":
            paths["test"] = _each(absolute_sources, self.test)
        if self.charset is not None:
            paths["charset"] = str(Path(self.charset).expanduser().absolute())
        return self.model_copy(update=paths)

    def with_paths_of(self, other: Data) -> Data:
        """The same data, read from where another section reads its own."""
        return self.model_copy(update={name: getattr(other, name) for name in ("source", "validation", "test", "charset")})

    def is_there(self) -> bool:
        """Whether all sources are where the section says."""
        from trainers.base.errors import UserError
        from trainers.data.source_registry import find_source, split_sources

        named = [self.source, self.validation, None if self.test == "auto" else self.test]
        try:
            for sources in named:
                for source in split_sources(_joined(sources)) if sources else ():
                    find_source(source)
        except UserError:
            return False
        return self.charset is None or Path(self.charset).is_file()

    def differs_from(self, stored: Data) -> bool:
        """Whether these are not the data of a stored study; settings that did not exist when it was made do not count."""
        if stored.split == self.split:
            return self != stored
        late = {"split", "test", "rendered"}
        changed = {name for name in type(self).model_fields if getattr(self, name) != getattr(stored, name)}
        asked = {name for name in late if getattr(self, name) != type(self).model_fields[name].default}
        return bool(changed - (late - asked))


def _rendered(written: Literal["auto"] | bool | dict[str, Any] | None) -> Rendered | Literal["auto"] | None:
    from trainers.data.rendered import DRAWN_LINES, Rendered

    if written is True:
        return Rendered(count=DRAWN_LINES)
    if isinstance(written, dict):
        return Rendered.from_dict(written)
    return "auto" if written == "auto" else None


def _each(change: Callable[[str], str], sources: str | list[str]) -> str | list[str]:
    return change(sources) if isinstance(sources, str) else [change(source) for source in sources]


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else ";".join(source)
