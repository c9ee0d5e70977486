"""The sections of a study file, as strict typed values with every default filled in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from search_space.sizes import parse_count, parse_size
from studies.definition.durations import parse_duration, parse_milliseconds
from studies.objectives.objectives import DEFAULT, objectives_of
from trainers.data.rendered import Rendered
from trainers.data.spec import DataSpec


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Data(Section):
    """`[data]`: what to learn from.

    Attributes:
        source: `digits`, a folder, a label file …; see `paretext data --help`. A list joins several.
        validation: the same for validation; None splits the source by content hash.
        weights: how often a line of each source is shown, relative to the others; None shows all alike.
        rendered: lines to draw besides, a table of `trainers.data.rendered.Rendered`; None draws none.
        normaliser: how labels are normalised before training and scoring.
        charset: file with one character a line; None takes the training labels'.
        unknown: what happens to a label with a character outside the charset: drop the row, stop, or map it.
    """

    source: str | list[str] = "digits"
    validation: str | list[str] | None = None
    normaliser: str = "none"
    charset: str | None = None
    unknown: Literal["drop", "error", "map"] = "drop"
    weights: list[float] | None = None
    rendered: dict[str, Any] | None = None

    def spec(self, height_px: int, seed: int) -> DataSpec:
        """The same at one input height, as workers open it.

        Args:
            height_px: rows of every image.
            seed: of generated lines.

        Raises:
            UserError: a value out of its range.
        """
        return DataSpec(
            training=_joined(self.source),
            validation=None if self.validation is None else _joined(self.validation),
            height_px=height_px,
            normaliser=self.normaliser,
            charset=self.charset,
            unknown=self.unknown,
            seed=seed,
            weights=None if self.weights is None else tuple(self.weights),
            rendered=None if self.rendered is None else Rendered.from_dict(self.rendered),
        )


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else ";".join(source)


class Limits(Section):
    """`[limits]`: what no candidate may exceed; one that would is told PRUNED with a constraint, and never trains.

    Attributes:
        size: bytes of the exported file, written 500KB, 10MB, 1.5MiB; None is no limit.
        parameters: learnable weights, written 250000, 250K or 1.5M.
        flops: multiply-adds of one image of 3x32x320 (enlarged in proportion for taller input), written 80M.
        latency: median time of one line alone on one thread, written 4ms. Measured on the untrained file before training
            (with a margin), and on the trained one after.
    """

    size: str | None = None
    parameters: str | int | None = None
    flops: str | int | None = None
    latency: str | None = None

    @field_validator("size", "parameters", "flops", "latency")
    @classmethod
    def _can_be_read(cls, value: str | int | None, info: ValidationInfo) -> str | int | None:
        if value is not None:
            _READ[str(info.field_name)](str(value))
        return value

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


class Target(Section):
    """`budget.target`: a candidate that is good enough to end the study.

    Attributes:
        accuracy: share of validation lines read without a fault, in [0, 1], or more.
        size: bytes of its file or less; None takes any size within the limits.
    """

    accuracy: float = Field(gt=0, le=1)
    size: str | None = None

    @field_validator("size")
    @classmethod
    def _is_size(cls, value: str | None) -> str | None:
        if value is not None:
            parse_size(value)
        return value

    def met_by(self, accuracy: float, size_bytes: float) -> bool:
        """Whether a candidate is good enough."""
        return accuracy >= self.accuracy and (self.size is None or size_bytes <= parse_size(self.size))


class Budget(Section):
    """`[budget]`: when to stop.

    Attributes:
        trials: trained candidates wanted, those of earlier runs of the same study included.
        epochs: epochs of a full training.
        time: wall-clock of one run, written 30m; None is no limit.
        total_epochs: epochs of all trainings together, those of earlier runs included; None is no limit.
        target: ends the study as soon as a candidate meets it, such as { accuracy = 0.95, size = "500KB" }.
    """

    trials: int = Field(default=24, ge=1)
    epochs: int = Field(default=40, ge=1)
    time: str | None = None
    total_epochs: int | None = Field(default=None, ge=1)
    target: Target | None = None

    @field_validator("time")
    @classmethod
    def _is_duration(cls, value: str | None) -> str | None:
        if value is not None:
            parse_duration(value)
        return value

    @property
    def seconds(self) -> float | None:
        """The time limit in seconds."""
        return None if self.time is None else parse_duration(self.time)


class Search(Section):
    """`[search]`: how candidates are proposed and where they train.

    Attributes:
        sampler: who proposes: a name in `studies.samplers.optuna_based.factory`.
        seed: makes proposals, data order and initial weights repeatable.
        workers: processes that train at the same time, one thread each; None means one per core.
        early_stopping: "gain" (pause at rungs, go on with what the sampler `front` expects to add most), "promotion" (pause,
            go on with the best of each rung), "stopping" (judge once at each rung), "none", or "auto": gain with the sampler
            `front`, otherwise promotion, unless the study is small.
        every_precision: whether a training that ends is stored and measured in every precision of the space, not just its own.
        eta: how many times longer the next rung is, and one in so many goes on ("promotion", "stopping").
        first_rung: epochs after which trainings are first compared.
        warm_start: what to try first, one or a list of: a known model's name, "seed" for the published ones, "front:STUDY"
            for the front of another study, a .toml or .json file of architectures.
        objectives: two or three of accuracy, cer, size, latency, flops.
        engine: where trainings run: "local", processes on this machine, or "ray", Ray Tune here or on a cluster.
        address: of a Ray cluster, such as "auto" or "ray-head:6379"; None starts Ray on this machine.
        cpus_per_trial: cores of a training on Ray.
        gpus_per_trial: GPUs of a training on Ray, such as 0.125: eight share one; 0 trains on the CPU.
        gpu_memory_per_trial: of a GPU's memory, in (0, 1]; None is the same share as of the GPU.
        shared: a path or an fsspec URL through which checkpoints and models travel; None: all nodes see the run's folder.
    """

    sampler: str = "front"
    seed: int = Field(default=0, ge=0)
    workers: int | None = Field(default=None, ge=1)
    early_stopping: Literal["auto", "gain", "promotion", "stopping", "none"] = "auto"
    every_precision: bool = True
    eta: int = Field(default=3, ge=2)
    first_rung: int = Field(default=3, ge=1)
    warm_start: str | list[str] | None = None
    objectives: list[str] = Field(default_factory=lambda: list(DEFAULT))
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    cpus_per_trial: float = Field(default=1.0, gt=0)
    gpus_per_trial: float = Field(default=0.0, ge=0)
    gpu_memory_per_trial: float | None = Field(default=None, gt=0, le=1)
    shared: str | None = None

    @field_validator("objectives")
    @classmethod
    def _make_a_trade_off(cls, value: list[str]) -> list[str]:
        objectives_of(value)
        return value
