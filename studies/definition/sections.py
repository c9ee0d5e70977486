"""The sections of a study file, as strict typed values with every default filled in.

This is the one place where a setting is written: its type, default, description, example and option of the command line.
`paretext search --help` and the tables of docs/search.md are made from it (`studies.definition.settings`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from search_space.units import parse_count, parse_size
from studies.definition.durations import parse_duration, parse_milliseconds
from studies.objectives.catalog import DEFAULT, objectives_of

if TYPE_CHECKING:
    from trainers.data.rendered import Rendered
    from trainers.data.spec import DataSpec


@dataclass(frozen=True)
class Flag:
    """The option of `paretext search` that replaces a setting; an annotation of the setting's field.

    Attributes:
        option: such as `--size-limit`.
        metavar: what stands for its value in the help.
        several: whether the option takes several values with commas between them.
    """

    option: str
    metavar: str
    several: bool = False


class StudySection(BaseModel):
    """Base of all sections: an unknown key is an error, and a value is never converted into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _readable(parse: Callable[[str], float]) -> AfterValidator:
    """Accepts a text that can be parsed, and leaves it as it is written."""

    def check(value: str | int) -> str | int:
        parse(str(value))
        return value

    return AfterValidator(check)


Size = Annotated[str, _readable(parse_size)]
Count = Annotated[str | int, _readable(parse_count)]
Duration = Annotated[str, _readable(parse_duration)]
Milliseconds = Annotated[str, _readable(parse_milliseconds)]


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
        default="none", description="applied to all labels: none, nfkc, lower, contest_zh", examples=["nfkc"]
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
        "fewer than 1,000 training lines and the fonts have their characters, which suits print and not handwriting",
        examples=[{"count": 20000}],
    )

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


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else ";".join(source)


class Limits(StudySection):
    """`[limits]`: what no candidate may exceed; an architecture that would exceed one never trains."""

    size: Annotated[Size | None, Flag("--size-limit", "SIZE")] = Field(
        default=None, description="largest exported file; 800KB is decimal, 800KiB binary", examples=["800KB"]
    )
    parameters: Annotated[Count | None, Flag("--parameter-limit", "N")] = Field(
        default=None, description="most learnable weights", examples=["500K"]
    )
    flops: Annotated[Count | None, Flag("--flops-limit", "N")] = Field(
        default=None,
        description="most multiply-adds of an image of 3x32x320 (enlarged in proportion for taller input)",
        examples=["80M"],
    )
    latency: Annotated[Milliseconds | None, Flag("--latency-limit", "TIME")] = Field(
        default=None,
        description="longest median time of one line on one thread; measured on the untrained file first, which takes seconds",
        examples=["4ms"],
    )

    @property
    def size_bytes(self) -> int | None:
        """The size limit in bytes."""
        return None if self.size is None else parse_size(self.size)

    @property
    def by_cost(self) -> dict[str, float]:
        """Each limit under the name of what it limits (`studies.objectives.costs.Costs`), cheapest to find out first."""
        written = {name: getattr(self, name) for name in _READ}
        return {_COST[name]: _READ[name](str(value)) for name, value in written.items() if value is not None}


_READ: dict[str, Callable[[str], float]] = {
    "size": parse_size,
    "parameters": parse_count,
    "flops": parse_count,
    "latency": parse_milliseconds,
}
_COST = {"size": "size_bytes", "parameters": "parameters", "flops": "flops", "latency": "latency_ms"}


class Target(StudySection):
    """`budget.target`: a candidate that is good enough to end the study."""

    accuracy: float = Field(gt=0, le=1, description="least fraction of validation lines read without an error")
    size: Size | None = Field(default=None, description="largest exported file; without it, any size within the limits")

    def met_by(self, accuracy: float, size_bytes: float) -> bool:
        """Whether a candidate is good enough."""
        return accuracy >= self.accuracy and (self.size is None or size_bytes <= parse_size(self.size))


UNLIMITED_TRIALS = 10_000
"""Trials of a study that is limited by its time alone: more than any time allows on the machines of today."""
LONGEST_EPOCHS = 81
"""Epochs of a full training of a study that is limited by its time alone: four rungs above the first, with eta = 3."""


class Budget(StudySection):
    """`[budget]`: when to stop."""

    trials: Annotated[int, Flag("--trials", "N")] = Field(
        default=24,
        ge=1,
        description="trials to finish, those of earlier runs included; without it, and with a time, as many as it allows",
        examples=[7],
    )
    epochs: Annotated[int, Flag("--epochs", "N")] = Field(
        default=40, ge=1, description=f"epochs of a full training; without it, and with a time, {LONGEST_EPOCHS}", examples=[6]
    )
    time: Annotated[Duration | None, Flag("--time", "TIME")] = Field(
        default=None, description="wall-clock limit of this run; the same command again continues", examples=["30m"]
    )
    total_epochs: Annotated[int | None, Flag("--total-epochs", "N")] = Field(
        default=None, ge=1, description="epochs of all trainings together, those of earlier runs included", examples=[200]
    )
    target: Target | None = Field(
        default=None,
        description="ends the study as soon as a candidate is this good",
        examples=[{"accuracy": 0.95, "size": "500KB"}],
    )

    @property
    def wanted_trials(self) -> int | None:
        """Trials that end the study; None where its time alone does."""
        return self.trials if self.trials < UNLIMITED_TRIALS else None

    @property
    def seconds(self) -> float | None:
        """The time limit in seconds."""
        return None if self.time is None else parse_duration(self.time)


class Search(StudySection):
    """`[search]`: how candidates are proposed and where they train."""

    sampler: Annotated[str, Flag("--sampler", "NAME")] = Field(
        default="front", description="what proposes architectures: front, tpe, nsga2, nsga3, gp, random, qmc", examples=["tpe"]
    )
    seed: Annotated[int, Flag("--seed", "N")] = Field(
        default=0, ge=0, description="makes proposals, data order and initial weights repeatable", examples=[1]
    )
    workers: Annotated[int | None, Flag("--workers", "N")] = Field(
        default=None, ge=1, description="trainings at the same time, one thread each; without it, one per core", examples=[2]
    )
    early_stopping: Literal["auto", "gain", "promotion", "stopping", "none"] = Field(
        default="auto", description="what happens at rungs: gain, promotion, stopping, none, or auto", examples=["promotion"]
    )
    every_precision: bool = Field(
        default=True,
        description="whether a finished training is stored and measured in every precision of the space",
        examples=[False],
    )
    eta: int = Field(
        default=3,
        ge=2,
        description="how many times longer the next rung is; under promotion and stopping one training in this many continues",
        examples=[4],
    )
    first_rung: int = Field(default=3, ge=1, description="epochs after which trainings are first compared", examples=[1])
    warm_start: Annotated[str | list[str] | None, Flag("--warm-start", "A,B", several=True)] = Field(
        default=None,
        description="architectures to try first: known models (paretext models), seed for all published ones, front:STUDY "
        "for the front of another study, a .toml or .json file",
        examples=["seed"],
    )
    objectives: Annotated[list[str], Flag("--objectives", "A,B", several=True)] = Field(
        default_factory=lambda: list(DEFAULT),
        description="two or three of accuracy, cer, size, latency, flops, parameters, or added ones",
        examples=[["accuracy", "latency"]],
    )
    engine: Annotated[str, Flag("--engine", "NAME")] = Field(
        default="local", description="where trainings run: local, processes on this machine, or ray, Ray Tune", examples=["ray"]
    )
    address: Annotated[str | None, Flag("--address", "HOST:PORT")] = Field(
        default=None,
        description="of a Ray cluster (docs/cluster.md); without it, Ray is started on this machine",
        examples=["ray-head:6379"],
    )
    cpus_per_trial: float = Field(default=1.0, gt=0, description="cores of a training on Ray", examples=[0.5])
    gpus_per_trial: float = Field(
        default=0.0, ge=0, description="GPUs of a training on Ray; 0 trains on the CPU", examples=[0.125]
    )
    gpu_memory_per_trial: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="fraction of a GPU's memory for a training; without it, as much as of the GPU",
        examples=[0.2],
    )
    shared: str | None = Field(
        default=None,
        description="a path or an fsspec URL through which checkpoints and models travel; without it, all nodes see the same "
        "workspace",
        examples=["s3://bucket/paretext"],
    )

    @field_validator("objectives")
    @classmethod
    def _make_a_trade_off(cls, value: list[str]) -> list[str]:
        objectives_of(value)
        return value
