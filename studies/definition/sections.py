"""The sections of a study file, as strict typed values with every default filled in; `[data]` is in `data_section.py`.

This is the one place where a setting is written: its type, default, description, example and option of the command line.
`paretext search --help` and the tables of docs/search.md are made from it (`studies.definition.settings`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field, field_validator

from search_space.units import parse_count, parse_size
from studies.definition.begin_spec import FORMS, begin_fault
from studies.definition.durations import parse_duration, parse_milliseconds
from studies.definition.section_types import Count, Duration, Flag, Milliseconds, Size, StudySection
from studies.objectives.catalog import DEFAULT, objectives_of
from trainers.base.redaction import redact


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


MOST = 1_000_000
"""The largest number of trials, of epochs of a training, and of what else counts in a study."""
UNLIMITED_TRIALS = 10_000
"""Trials of a study that is limited by its time alone: more than any time allows on the machines of today."""
LONGEST_EPOCHS = 81
"""Epochs of a full training of a study that is limited by its time alone: four rungs above the first, with eta = 3."""


class Budget(StudySection):
    """`[budget]`: when to stop."""

    trials: Annotated[int, Flag("--trials", "N")] = Field(
        default=24,
        ge=1,
        le=MOST,
        description="trials to finish, those of earlier runs included; with a time and no number, as many as it allows",
        examples=[7],
    )
    epochs: Annotated[int, Flag("--epochs", "N")] = Field(
        default=40,
        ge=1,
        le=MOST,
        description=f"epochs of a full training, which a later run may raise; with a time and no number, {LONGEST_EPOCHS}",
        examples=[6],
    )
    time: Annotated[Duration | None, Flag("--time", "TIME")] = Field(
        default=None, description="wall-clock limit of this run; the same command again continues", examples=["30m"]
    )
    total_epochs: Annotated[int | None, Flag("--total-epochs", "N")] = Field(
        default=None,
        ge=1,
        le=MOST * MOST,
        description="epochs of all trainings together, those of earlier runs included",
        examples=[200],
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
        default=0, ge=0, le=2**32 - 1, description="makes proposals, data order and initial weights repeatable", examples=[1]
    )
    workers: Annotated[int | None, Flag("--workers", "N")] = Field(
        default=None,
        ge=1,
        le=1000,
        description="trainings at the same time, one thread each; without it, one per core",
        examples=[2],
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
        le=MOST,
        description="how many times longer the next rung is; under promotion and stopping one training in this many continues",
        examples=[4],
    )
    first_rung: int = Field(
        default=3, ge=1, le=MOST, description="epochs after which trainings are first compared", examples=[1]
    )
    warm_start: Annotated[str | list[str] | None, Flag("--warm-start", "A,B", several=True)] = Field(
        default=None,
        description="architectures to try first: known models (paretext models), seed for all of them, front:STUDY "
        "for the front of another study, a .toml or .json file",
        examples=["seed"],
    )
    begin: Annotated[str, Flag("--begin", "WEIGHTS")] = Field(
        default="starter",
        description=f"weights that candidates begin with: {FORMS}",
        examples=["models:/reader@champion"],
    )
    inherit: Annotated[Literal["never", "always", "end"], Flag("--inherit", "WHEN")] = Field(
        default="never",
        description="whether a candidate may begin with the weights of an earlier training of the study: never, always, "
        "or only in the last quarter of the budget (end)",
        examples=["always"],
    )
    weights_limit: Size = Field(
        default="500MB",
        description="most disk space for the weights that a study keeps for inherit; the worst are deleted first",
        examples=["2GB"],
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
    cpus_per_trial: float = Field(default=1.0, gt=0, le=MOST, description="cores of a training on Ray", examples=[0.5])
    gpus_per_trial: float = Field(
        default=0.0, ge=0, le=MOST, description="GPUs of a training on Ray; 0 trains on the CPU", examples=[0.125]
    )
    gpu_memory_per_trial: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="fraction of a GPU's memory for a training; without it, the same as gpus_per_trial",
        examples=[0.2],
    )
    shared: str | None = Field(
        default=None,
        description="a path or an fsspec URL through which checkpoints and models travel; without it, all nodes see the same "
        "workspace",
        examples=["s3://bucket/paretext"],
    )

    @field_validator("begin")
    @classmethod
    def _names_weights(cls, value: str) -> str:
        if (fault := begin_fault(value)) is not None:
            raise ValueError(fault)
        return value

    @field_validator("shared")
    @classmethod
    def _holds_no_password(cls, value: str | None) -> str | None:
        if value is not None and redact(value) != value:
            raise ValueError(
                "holds a password, which would be stored with the study; leave it out, and set the variables of the library "
                "that opens the URL, such as AWS_SECRET_ACCESS_KEY"
            )
        return value

    @field_validator("objectives")
    @classmethod
    def _make_a_trade_off(cls, value: list[str]) -> list[str]:
        objectives_of(value)
        return value
