"""A study, resolved: everything a search needs to know, as strict typed values with every default filled in.

Decisions:
- TOML keys, field names here and field names of an architecture are the same words.
- Everything that is wrong is reported at once, each with the nearest valid name, in the words of the file.
- The resolved study is stored with the study as JSON and read back from there on resume; the file is not read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from search_space.catalog import nearest
from search_space.sizes import parse_size
from search_space.space import SearchSpace
from studies.durations import parse_duration
from trainers.data.rendered import Rendered
from trainers.data.spec import DataSpec
from trainers.faults import UserError
from trainers.recipe import Recipe, find_recipe

DEFAULT_SPACE: dict[str, list[str | int | None]] = {
    "backbone": ["mobilenetv3_small", "mobilenetv3_large", "lcnet"],
    "width_percent": [25, 50, 75, 100],
    "neck": ["none", "fpn_a", "fpn_d"],
    "attention": ["squeeze_excite", "coordinate", "eca"],
    "encoder": ["gru", "svtr"],
    "encoder_hidden": [48, 64, 96, 128],
    "encoder_layers": [1, 2],
    "precision": ["fp32", "fp16", "int8"],
}
"""What is open where a study says nothing: what has paid for lines of text, from light to accurate."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Data(_Section):
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


class Limits(_Section):
    """`[limits]`: what no candidate may exceed; over-budget candidates never train.

    Attributes:
        size: bytes of the exported file, written 500KB, 10MB, 1.5MiB; None is no limit.
    """

    size: str | None = None

    @field_validator("size")
    @classmethod
    def _is_size(cls, value: str | None) -> str | None:
        if value is not None:
            parse_size(value)
        return value

    @property
    def size_bytes(self) -> int | None:
        """The size limit in bytes."""
        return None if self.size is None else parse_size(self.size)


class Budget(_Section):
    """`[budget]`: when to stop.

    Attributes:
        trials: trained candidates wanted, those of earlier runs of the same study included.
        epochs: epochs of a full training.
        time: wall-clock of one run, written 30m; None is no limit.
    """

    trials: int = Field(default=24, ge=1)
    epochs: int = Field(default=40, ge=1)
    time: str | None = None

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


class Search(_Section):
    """`[search]`: how candidates are proposed and where they train.

    Attributes:
        sampler: who proposes: a name in `studies.samplers`.
        seed: makes proposals, data order and initial weights repeatable.
        workers: processes that train at the same time, one thread each; None means one per core.
        early_stopping: "promotion" (pause at rungs, go on with the best), "stopping" (judge once at each rung), "none", or
            "auto": promotion, unless the study is small.
        eta: one in so many goes on from a rung, and how many times longer the next rung is.
        first_rung: epochs after which trainings are first compared.
        warm_start: known models to try first: "seed" for the published ones, or a list of names.
    """

    sampler: str = "tpe"
    seed: int = Field(default=0, ge=0)
    workers: int | None = Field(default=None, ge=1)
    early_stopping: Literal["auto", "promotion", "stopping", "none"] = "auto"
    eta: int = Field(default=3, ge=2)
    first_rung: int = Field(default=3, ge=1)
    warm_start: str | list[str] | None = None


class Study(_Section):
    """A whole study.

    Attributes:
        name: what it is called in `runs/`, Optuna and MLflow.
        recipe: how to train: a preset's name, or a table of a preset and the values that differ from it.
        space: architecture field to the list of values to choose from; one value fixes the field.
    """

    name: str = Field(default="digits", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)
    data: Data = Data()
    limits: Limits = Limits()
    budget: Budget = Budget()
    search: Search = Search()
    recipe: str | dict[str, Any] = "paretext"
    space: dict[str, list[str | int | None]] = Field(default_factory=lambda: {k: list(v) for k, v in DEFAULT_SPACE.items()})

    @property
    def search_space(self) -> SearchSpace:
        """The space as the sampler sees it."""
        return SearchSpace({field: tuple(values) for field, values in self.space.items()})

    @property
    def training_recipe(self) -> Recipe:
        """How candidates are trained."""
        return resolve_recipe(self.recipe)

    def with_overrides(self, overrides: Mapping[str, Any]) -> Study:
        """A copy with some values replaced.

        Args:
            overrides: dotted key to value, such as {"budget.trials": 20}; None values are left alone.

        Raises:
            UserError: a value is out of range.
        """
        values = self.model_dump(mode="python")
        for key, value in overrides.items():
            if value is None:
                continue
            section, _, field = key.rpartition(".")
            (values[section] if section else values)[field] = value
        return resolve(values, "the command line")


def resolve(values: Mapping[str, Any], origin: str) -> Study:
    """Checks written values and fills in the defaults.

    Args:
        values: what the file or the command line says, nested by section.
        origin: what to call it in the message.

    Raises:
        UserError: everything that is wrong, one line.
    """
    faults: list[str] = []
    study = None
    try:
        study = Study.model_validate(dict(values))
    except ValidationError as error:
        faults += [_line(fault) for fault in error.errors()]
    faults += _deeper_faults(study, values)
    if faults:
        raise UserError(f"{origin}: " + "; ".join(faults))
    assert study is not None
    return study


def _deeper_faults(study: Study | None, values: Mapping[str, Any]) -> list[str]:
    """Faults that types alone cannot show: names of components, samplers, recipes and known models."""
    from studies.samplers import SAMPLERS

    faults = []
    space = study.space if study else values.get("space")
    if isinstance(space, Mapping):
        written = {k: tuple(v) for k, v in space.items() if isinstance(v, list) and all(isinstance(x, str | int) for x in v)}
        try:
            SearchSpace(written)
        except ValueError as error:
            faults.append(str(error))
    search = values.get("search", {})
    sampler = search.get("sampler") if isinstance(search, Mapping) else None
    if isinstance(sampler, str) and sampler not in SAMPLERS:
        faults.append(f"search.sampler: no sampler is called '{sampler}'{nearest(sampler, list(SAMPLERS))}")
    recipe = values.get("recipe", "paretext")
    if isinstance(recipe, str | Mapping):
        try:
            resolve_recipe(recipe)
        except UserError as error:
            faults.append(str(error))
    if study is not None:
        faults += _warm_start_faults(study.search.warm_start)
        try:
            study.data.spec(height_px=32, seed=0)
        except UserError as error:
            faults.append(f"data: {error}")
    return faults


def resolve_recipe(written: str | Mapping[str, Any]) -> Recipe:
    """The recipe that a study names: a preset, or `preset` (default "paretext") and the values that differ from it.

    Raises:
        UserError: no such preset, no such value, or a value out of its range.
    """
    if isinstance(written, str):
        return find_recipe(written)
    changes = dict(written)
    preset = find_recipe(str(changes.pop("preset", "paretext")))
    return Recipe.from_dict(preset.as_dict() | changes)


def _warm_start_faults(warm_start: str | list[str] | None) -> list[str]:
    if warm_start is None or warm_start == "seed":
        return []
    from search_space import known

    names = [warm_start] if isinstance(warm_start, str) else warm_start
    return [
        f"search.warm_start: no known model is called '{name}'{nearest(name, ['seed', *known.names()])}"
        for name in names
        if name not in known.names()
    ]


def _line(fault: Any) -> str:
    """One of pydantic's faults in the words of the file."""
    path = [str(part) for part in fault["loc"]]
    key = ".".join(path)
    if fault["type"] == "extra_forbidden":
        return f"unknown key '{key}'{nearest(path[-1], _known_keys(path[:-1]))}"
    if fault["type"] == "value_error":
        return f"{key}: {fault['ctx']['error']}"
    return f"{key}: {fault['msg'][0].lower()}{fault['msg'][1:]}, not {fault['input']!r}"


def _known_keys(path: list[str]) -> list[str]:
    model: type[BaseModel] = Study
    for part in path:
        inner = model.model_fields[part].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)
